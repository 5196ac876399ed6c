"""Proves messages and headers: indexing, folds, compact forms, unknown lines byte-exact, typed values that follow changes,
`validate`, what is salvaged of broken requests, responses by RFC 3261 section 8.2.6, and that nothing can be injected.

Does not prove the torture messages (`test_sip_torture.py`) nor random bytes (`test_sip_fuzz.py`).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.address import Address
from softswitch.sip.headers import MAX_LINES, Headers
from softswitch.sip.message import ParseError, Request, Response, make_response, parse_message
from softswitch.sip.via import Via

VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"
LINES = [
    f"Via: {VIA}",
    "From: <sip:a@h>;tag=1",
    "To: <sip:b@h>",
    "Call-ID: c",
    "CSeq: 1 INVITE",
]


def invite(
    *extra: str, lines: list[str] | None = None, body: bytes = b"", start: str = "INVITE sip:b@h SIP/2.0"
) -> bytes:
    head = "\r\n".join([start, *(LINES if lines is None else lines), *extra])
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


NAMES = st.sampled_from(["Via", "v", "VIA", "Subject", "X-Own", "x-own", "", " X", "Two Words"])
COLONS = st.sampled_from([": ", ": ", ": ", ":", " : ", ":\t", ":  ", ""])
VALUES = st.sampled_from(["a", " a", "a ", "a\tb", "a: b", "a  b", "", "é", "\udce9", "a\r\n b", "a\nb"])


def request(*extra: str, body: bytes = b"") -> Request:
    message = parse_message(invite(*extra, body=body))
    assert isinstance(message, Request)
    return message


def test_received_lines_leave_byte_for_byte() -> None:
    odd = ["X-Odd :  \x01 ;;, \udce9", "m:\r\n  <sip:a@h>", "SUBJECT: \tx  ", "Content-Length: 0"]
    data = invite(*odd)
    assert parse_message(data).to_bytes() == data


def test_names_without_regard_to_case_and_in_compact_form() -> None:
    message = request("v: SIP/2.0/TCP p", "MAX-forwards : 70", "l: 0", "k: timer, 100rel", "Supported: path")
    assert len(message.vias) == 2 and message.max_forwards == 70 and message.content_length == 0
    assert message.headers.get("V") == VIA
    assert message.headers.get_list("supported") == ["timer", "100rel", "path"]
    assert "contact" not in message.headers and "K" in message.headers
    assert [name for name, _ in message.headers.items()][-5:] == [
        "Via",
        "Max-Forwards",
        "Content-Length",
        "Supported",
        "Supported",
    ]


def test_headers_that_we_set_are_long_and_in_place() -> None:
    headers = Headers([("v", "1"), ("X-Own", "2"), ("Via", "3"), ("via", "4")])
    assert str(headers) == "Via: 1\r\nX-Own: 2\r\nVia: 3\r\nVia: 4\r\n"
    headers.prepend("Via", "0")
    headers.prepend("Route", "r")
    assert headers.get_all("v") == ["0", "1", "3", "4"] and next(headers.items()) == ("Route", "r")
    headers.set_first("Via", "00")
    assert headers.get_all("v") == ["00", "1", "3", "4"]
    headers.set("Via", "5")
    assert str(headers) == "Route: r\r\nVia: 5\r\nX-Own: 2\r\n"
    headers.remove("x-own")
    assert len(headers) == 2 and headers.get("X-Own") is None and headers.get("X-Own", "no") == "no"
    copied = headers.copy()
    copied.add("A", "b")
    assert len(headers) == 2


@pytest.mark.parametrize("value", ["a\r\nVia: x", "a\nb", "a\rb", "a\0b"])
def test_no_line_can_be_injected(value: str) -> None:
    with pytest.raises(ValueError):
        Headers([("Subject", value)])
    with pytest.raises(ValueError):
        Request.build("INVITE", "sip:a@h", headers=[("X", value)])
    with pytest.raises(ValueError):
        make_response(request(), 200, value)
    with pytest.raises(ValueError):
        make_response(request(), 200, to_tag=value)
    with pytest.raises((ValueError, ParseError)):
        Headers([(value, "x")])
    with pytest.raises(ValueError):
        Request.build(value, "sip:a@h")
    with pytest.raises(ParseError):
        Request.build("INVITE", f"sip:{value}@h")


def test_typed_values_follow_changes() -> None:
    message = request()
    assert message.cseq.number == 1 and message.top_via.rport is None
    message.headers.set("CSeq", "2 INVITE")
    message.headers.set_first("Via", str(message.top_via.received_from("192.0.2.7", 9)))
    assert message.cseq.number == 2 and message.top_via.received == "192.0.2.7"
    assert b"received=192.0.2.7" in message.to_bytes()
    assert message.cseq is message.cseq, "parsed once"


def test_uri_of_a_request_can_be_replaced() -> None:
    message = request()
    assert message.to_bytes().startswith(b"INVITE sip:b@h SIP/2.0\r\n")
    message.uri = Address.parse("<sip:c@h2>").uri
    assert message.to_bytes().startswith(b"INVITE sip:c@h2 SIP/2.0\r\n") and message.uri.user == "c"


def test_lists_over_several_lines() -> None:
    message = request('Contact: "A, B" <sip:a@h>,<sip:b@h>', "m: sip:c@h;q=1", "Route: <sip:p;lr>, <sip:q>")
    assert [str(contact.uri) for contact in message.contacts] == ["sip:a@h", "sip:b@h", "sip:c@h"]
    assert [str(route.uri) for route in message.routes] == ["sip:p;lr", "sip:q"]
    assert not message.contact_is_star and message.record_routes == []
    assert request("Contact: *").contact_is_star and request("Contact: *").contacts == []


def test_content_type_and_expires() -> None:
    message = request("c: Application/SDP ;charset=x", "Expires: 99999999999999")
    assert message.content_type == "application/sdp" and message.expires == 2**32 - 1
    assert request().content_type == "" and request().expires is None


def test_datagram_body_and_content_length() -> None:
    assert request(body=b"abc").body == b"abc"
    assert request("Content-Length: 2", body=b"abc").body == b"ab"
    assert request("Content-Length: 2", "l: 2", body=b"abc").body == b"ab"
    assert b"Content-Length: 3\r\n" in request(body=b"abc").to_bytes()


@pytest.mark.parametrize(
    "extra",
    [
        "Content-Length: 4",
        "Content-Length: -1",
        "Content-Length: +3",
        "Content-Length: 1_0",
        "Content-Length: ٣",
        "Content-Length:",
        f"Content-Length: {2**32 + 3}",
        "Content-Length: 1" + "0" * 5000,
        "Content-Length: 3\r\nContent-Length: 2",
        "Content-Length: 3\r\nl: x",
    ],
)
def test_bad_content_length_can_be_answered(extra: str) -> None:
    with pytest.raises(ParseError) as caught:
        request(*extra.split("\r\n"), body=b"abc")
    assert caught.value.sip_status == 400 and caught.value.partial is not None
    assert caught.value.partial.call_id == "c"


@pytest.mark.parametrize(
    "line",
    [
        "Contact\x01: <sip:a@h>",
        "no colon",
        ": x",
        "X\tY: z",
        "Vi\u212a: x",
        "a\rb: c",
        "a: b\nVia: x",
        "a: b\r",
    ],
)
def test_bad_lines_are_refused_and_left_out_of_what_is_salvaged(line: str) -> None:
    with pytest.raises(ParseError) as caught:
        request(line)
    partial = caught.value.partial
    assert partial is not None and len(partial.headers) == len(LINES)


def test_leading_line_ends_and_missing_ones() -> None:
    assert parse_message(b"\r\n\r\n" + invite()).call_id == "c"
    for data in (
        b"",
        b"\r\n\r\n",
        b"OPTIONS\0",
        b"\0" * 100,
        invite().replace(b"\r\n", b"\n"),
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with pytest.raises(ParseError) as caught:
            parse_message(data)
        assert caught.value.partial is None


def test_versions() -> None:
    for start, status in (
        ("INVITE sip:b@h SIP/3.0", 505),
        ("INVITE sip:b@h sip/2.0", None),
        ("INVITE sip:b@h SIP/2.1", 505),
    ):
        if status is None:
            assert isinstance(parse_message(invite(start=start)), Request)
            continue
        with pytest.raises(ParseError) as caught:
            parse_message(invite(start=start))
        assert caught.value.sip_status == status and caught.value.partial is not None
    with pytest.raises(ParseError) as caught:
        parse_message(invite(start="SIP/3.0 200 OK"))
    assert caught.value.partial is None


@pytest.mark.parametrize(
    "start", ["SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 2000 x", "SIP/2.0 ٢٠٠ x", "SIP/2.0  200 x"]
)
def test_status_lines_refused(start: str) -> None:
    with pytest.raises(ParseError):
        parse_message(invite(start=start))


def test_too_many_lines() -> None:
    assert len(request(*["X: y"] * (MAX_LINES - len(LINES))).headers) == MAX_LINES
    with pytest.raises(ParseError) as caught:
        request(*["X: y"] * MAX_LINES)
    assert caught.value.sip_status == 513 and caught.value.partial is not None


@pytest.mark.parametrize("missing", range(len(LINES)))
def test_mandatory_headers(missing: int) -> None:
    lines = [line for index, line in enumerate(LINES) if index != missing]
    message = parse_message(invite(lines=lines))
    with pytest.raises(ParseError) as caught:
        message.validate()
    assert (caught.value.partial is None) == (missing == 0), "nobody to answer without a Via"


@pytest.mark.parametrize(
    "extra",
    [
        "From: <sip:a@h>",
        "To: <sip:a@h>",
        "i: c",
        "CSeq: 1 INVITE",
        "Max-Forwards: 1\r\nMax-Forwards: 1",
        "Max-Forwards: 256",
        "Max-Forwards: 1_0",
        "Expires: x",
        "Contact: <sip:a@h",
        'Contact: "a <sip:a@h>',
        "Contact: *, <sip:a@h>",
        "Route: sip:a@h",
        "Record-Route: <sip:a@h>,",
        "v: nothing",
    ],
)
def test_validate_refuses(extra: str) -> None:
    message = request(*extra.split("\r\n"))
    with pytest.raises(ParseError):
        message.validate()


def test_validate_accepts_and_checks_the_method() -> None:
    request("Max-Forwards: 0", "Contact: *", "X: \x00").validate()
    wrong = parse_message(invite(start="BYE sip:b@h SIP/2.0"))
    with pytest.raises(ParseError):
        wrong.validate()
    with pytest.raises(ParseError):
        parse_message(invite(start="INVITE sip:b@h?Route=x SIP/2.0")).validate()
    parse_message(invite(start="SIP/2.0 200 OK")).validate()


def test_response_copies_what_it_must() -> None:
    message = request(
        "Via: SIP/2.0/TCP p2, SIP/2.0/TCP p3", "Record-Route: <sip:r1;lr;x>, <sip:r2>", "Timestamp: 5"
    )
    ok = make_response(
        message,
        200,
        to_tag="t",
        headers=[("Contact", "<sip:us>")],
        body=b"v=0",
        content_type="application/sdp",
    )
    again = parse_message(ok.to_bytes())
    assert isinstance(again, Response)
    assert [str(via) for via in again.vias] == [VIA, "SIP/2.0/TCP p2", "SIP/2.0/TCP p3"]
    assert (
        again.to.tag == "t" and again.from_tag == "1" and again.cseq == message.cseq and again.call_id == "c"
    )
    assert [str(route) for route in again.record_routes] == ["<sip:r1;lr;x>", "<sip:r2>"]
    assert (again.status, again.reason, again.body, again.content_type) == (
        200,
        "OK",
        b"v=0",
        "application/sdp",
    )
    assert "Timestamp" not in again.headers
    assert make_response(message, 100).headers.get("Timestamp") == "5"
    assert "Record-Route" not in make_response(message, 404).headers
    assert make_response(message, 100).to_tag == ""


def test_response_keeps_a_tag_that_is_there_and_escaped_nul_of_a_peer() -> None:
    data = invite().replace(
        b"To: <sip:b@h>", b'To: "\\\x00" sip:b@h'.replace(b"sip:b@h", b"<sip:b@h>;tag=old")
    )
    message = parse_message(data)
    assert isinstance(message, Request)
    assert b'To: "\\\x00" <sip:b@h>;tag=old\r\n' in make_response(message, 200, to_tag="new").to_bytes()
    unreadable = parse_message(invite().replace(b"To: <sip:b@h>", b"To: <sip:b@h>;;"))
    assert isinstance(unreadable, Request)
    assert b"To: <sip:b@h>;;\r\n" in make_response(unreadable, 400, to_tag="new").to_bytes()


def test_a_tag_is_put_on_the_last_line_that_says_something_of_a_folded_to() -> None:
    for blank in ("", "  ", "\r\n ", "\r\n\t \r\n  "):
        message = parse_message(invite().replace(b"To: <sip:b@h>", f"To:\r\n <sip:b@h>{blank}".encode()))
        assert isinstance(message, Request)
        data = make_response(message, 200, to_tag="new").to_bytes()
        assert b"To:\r\n <sip:b@h>;tag=new\r\n" in data
        assert parse_message(data).to_tag == "new"


def test_of_several_bad_headers_the_same_is_told_in_every_process() -> None:
    bad = ["Contact: <", "Record-Route: <", "Route: <", "Expires: x", "Max-Forwards: x"]
    for told in ("Max-Forwards", "Expires"):
        with pytest.raises(ParseError, match=told):
            request(*bad).validate()
        bad.pop()


def test_build_round_trip() -> None:
    built = Request.build(
        "OPTIONS",
        "sip:b@h;transport=tcp",
        headers=[
            ("Via", str(Via("UDP", "h", 5060))),
            ("From", "<sip:a@h>;tag=1"),
            ("To", "<sip:b@h>"),
            ("i", "c"),
            ("CSeq", "1 OPTIONS"),
        ],
        body="ñ".encode(),
    )
    again = parse_message(built.to_bytes())
    assert isinstance(again, Request)
    again.validate()
    assert again.to_bytes() == built.to_bytes() and again.body == "ñ".encode() and again.content_length == 2


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("Via", "SIP/2.0/UDP a;b=c"),
        ("Contact", "<sip:a@b>"),
        ("Route", "<sip:b;lr>"),
        ("Record-Route", "<sip:b;lr>"),
    ],
)
def test_elements_are_bounded_over_all_lines(name: str, element: str) -> None:
    """Each is read into several values: 64 KiB of them on many lines would cost ten times what any message may."""
    lines = f"{name}: {', '.join([element] * 20)}\r\n"
    head = "OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
    via = "" if name == "Via" else "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
    parse_message(f"{head}{via}{lines * 6}\r\n".encode()).validate()
    with pytest.raises(ParseError):
        parse_message(f"{head}{via}{lines * 100}\r\n".encode()).validate()


@given(st.lists(st.tuples(NAMES, COLONS, VALUES).map("".join), min_size=1, max_size=4))
def test_usual_lines_say_the_same_as_when_they_are_read_with_care(lines: list[str]) -> None:
    """One line of all that is unusual has all lines read with care."""
    together, unusual = "\r\n".join(lines), "Y-Unusual:"

    def read(text: str) -> list[tuple[str, str]] | None:
        try:
            headers = Headers.parse(text)
        except ParseError:
            return None
        assert all(headers.value(key) == headers.get_all(key)[0] for key in headers.keys)
        return list(headers.items())

    careful = read(f"{together}\r\n{unusual}")
    assert read(together) == (None if careful is None else careful[:-1])


def test_values_of_what_was_made_follow_every_change() -> None:
    made = Headers((("Via", " 1 "), ("Via", "2"), ("X-Own", "x")))
    assert (made.value("via"), made.value("x-own"), made.value("to")) == ("1", "x", None)
    made.add("To", "t")
    made.end(0)
    assert (made.value("to"), made.value("content-length")) == ("t", "0")
    made.lengthen_first("via", ";more")
    assert made.get_all("Via") == ["1;more", "2"] and made.value("via") == "1;more"
    spliced = made.respliced((("Via", "0"),), {"to": "u"}, ("x-own",))
    assert [spliced.value(key) for key in ("via", "to", "x-own")] == ["0", "u", None]
    with pytest.raises(ValueError, match="X-Own"):
        made.add("X-Own", "a\r\nb")
    assert made.value("to") == "t" and made.get_all("X-Own") == ["x"]
