"""Proves, on random and mutated input, that parsers raise only their own errors and that what is written reads back.

Does not prove that a verdict is right: tables in the other files do.
"""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.address import Address, checked_tag, tag_of
from softswitch.sip.cseq import CSeq
from softswitch.sip.digest import Challenge, Credentials
from softswitch.sip.errors import ParseError
from softswitch.sip.framing import FramingError, StreamFramer
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.params import Params
from softswitch.sip.reason import Reason
from softswitch.sip.sdp import SdpError, SessionDescription
from softswitch.sip.uri import Uri, escape_user
from softswitch.sip.via import Via

CORPUS = sorted((Path(__file__).parent / "corpus" / "rfc4475").glob("*.dat"))
SEEDS = [path.read_bytes() for path in CORPUS]
SPICE = [
    b"\r\n",
    b"\r\n ",
    b",",
    b";",
    b"=",
    b'"',
    b"<",
    b">",
    b"\\",
    b"%",
    b"\x00",
    b"\xff",
    b":",
    b"@",
    b"0",
    b"\t",
    b"l: 1\r\n",
]

mutations = st.lists(
    st.tuples(
        st.integers(0, 4000), st.integers(0, 8), st.one_of(st.sampled_from(SPICE), st.binary(max_size=6))
    ),
    min_size=1,
    max_size=8,
)
tricky = st.text(st.sampled_from('ab1 \t",;=<>\\:@%?[]*.-\r\n\x00é\udce9٣sip'), max_size=60)


def _mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, new in changes:
        place %= len(data) + 1
        data = data[:place] + new + data[place + length :]
    return data


def _read_everything(message: Request | Response) -> None:
    for name in [
        "top_via",
        "vias",
        "from_",
        "to",
        "from_tag",
        "to_tag",
        "call_id",
        "cseq",
        "contacts",
        "contact_is_star",
        "max_forwards",
        "routes",
        "record_routes",
        "content_length",
        "content_type",
        "expires",
        "uri",
    ]:
        try:
            getattr(message, name, None)
        except ParseError:
            continue
    list(message.headers.items())


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), mutations)
def test_mutated_messages(seed: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    data = _mutated(seed, changes)
    try:
        message = parse_message(data)
    except ParseError as error:
        if error.partial is not None:
            _read_everything(error.partial)
            make_response(error.partial, error.sip_status, to_tag="t").to_bytes()
        return
    _read_everything(message)
    written = message.to_bytes()
    again = parse_message(written)
    assert again.to_bytes() == written and again.body == message.body
    if isinstance(message, Request):
        make_response(message, 200, to_tag="t").to_bytes()
    try:
        message.validate()
    except ParseError:
        return
    again.validate()
    assert (again.cseq, again.call_id, again.vias) == (message.cseq, message.call_id, message.vias)
    assert message.from_.tag == message.from_tag and message.to.tag == message.to_tag


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    for parse in (parse_message, SessionDescription.parse, StreamFramer(200).feed):
        try:
            parse(data)
        except (ParseError, SdpError, FramingError):
            continue


@settings(max_examples=400, deadline=None)
@given(tricky)
def test_values_raise_nothing_else_and_round_trip(text: str) -> None:
    for value_type in (Uri, Address, Via, CSeq, Params, Reason, Challenge, Credentials):
        try:
            value = value_type.parse(text)
        except ParseError:
            continue
        assert value_type.parse(str(value)) == value
    for parse_list in (Address.parse_list, Via.parse_list, Reason.parse_list, tag_of):
        try:
            parse_list(text)
        except ParseError:
            continue


@settings(max_examples=400, deadline=None)
@given(tricky)
def test_a_tag_is_read_where_its_address_is(text: str) -> None:
    found: list[str | None] = []
    for read in (checked_tag, lambda text: Address.parse(text).tag):
        try:
            found.append(read(text))
        except ParseError:
            found.append(None)
    assert found[0] == found[1]


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=20)


@settings(max_examples=200, deadline=None)
@given(
    names,
    names,
    st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9-]{0,8}\Z"), st.one_of(st.none(), names), max_size=4),
)
def test_built_addresses_read_back(display: str, user: str, given_params: dict[str, str | None]) -> None:
    from softswitch.sip.grammar import quote

    params = Params((name, None if value is None else quote(value)) for name, value in given_params.items())
    address = Address(Uri("sip", escape_user(user), "h.example", 5061), display.strip(), params)
    again = Address.parse(str(address))
    assert again == address and again.uri.unescaped_user == user
    assert Address.parse_list(f"{address}, {address}") == [address, address]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([seed.partition(b"\r\n\r\n")[2] for seed in SEEDS if b"v=0" in seed]), mutations)
def test_mutated_sdp(seed: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    try:
        parsed = SessionDescription.parse(_mutated(seed, changes))
    except SdpError as error:
        assert error.sip_status in (400, 488)
        return
    again = SessionDescription.parse(parsed.serialize())
    assert again == parsed
    for media in parsed.media:
        try:
            parsed.connection_of(media)
        except SdpError:
            pass
        _ = (
            media.rtpmaps,
            media.payload_types,
            media.lines.ptime_ms,
            parsed.direction_of(media),
            media.heading,
        )
