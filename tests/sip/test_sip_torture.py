"""Proves the parse-level verdict on each message of RFC 4475, and what its text says must be read from the valid ones.

Does not prove what layers above do with those that parse (section 3.2 to 3.4: transactions, unknown methods, schemes
and extensions), nor that a response is sent.
"""

from pathlib import Path

import pytest

from softswitch.sip.message import ParseError, Request, Response, make_response, parse_message

CORPUS = Path(__file__).parent / "corpus" / "rfc4475"

ACCEPTED = [
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
    "baddate",
    "badbranch",
    "unksm2",
    "unkscm",
    "novelsc",
    "bext01",
    "invut",
    "regaut01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
]
"""Valid, or refused only by a layer above. baddate: Date is never read here, and the RFC lets an element ignore it."""
ANSWERED = {
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    "regbadct": 400,
    "badaspec": 400,
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "insuf": 400,
    "multi01": 400,
    "mcl01": 400,
}
DROPPED = {"badinv01", "scalarlg", "bigcode"}
"""Responses that cannot be read, and a request whose Via cannot."""


def _read(name: str) -> bytes:
    return (CORPUS / f"{name}.dat").read_bytes()


def _parse(name: str) -> Request | Response:
    message = parse_message(_read(name))
    message.validate()
    return message


def test_every_message_has_a_verdict() -> None:
    judged = [*ACCEPTED, *ANSWERED, *DROPPED]
    assert sorted(judged) == sorted(path.stem for path in CORPUS.glob("*.dat"))
    assert len(judged) == 49


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_written_again_without_a_change(name: str) -> None:
    message = _parse(name)
    data = _read(name)
    head = data[: data.index(b"\r\n\r\n")]
    if "Content-Length" in message.headers:
        assert message.to_bytes() == head + b"\r\n\r\n" + message.body
    again = parse_message(message.to_bytes())
    assert again.to_bytes() == message.to_bytes()


@pytest.mark.parametrize("name", ANSWERED)
def test_refused_and_answerable_without_state(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        _parse(name)
    error = caught.value
    assert error.sip_status == ANSWERED[name]
    assert error.partial is not None
    data = make_response(error.partial, error.sip_status, error.reason, to_tag="t").to_bytes()
    response = parse_message(data)
    assert isinstance(response, Response)
    assert response.status == error.sip_status
    assert response.top_via == error.partial.top_via
    assert response.headers.get("Call-ID") == error.partial.headers.get("Call-ID")


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_refused_and_not_answered(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        _parse(name)
    assert caught.value.partial is None


def test_wsinv() -> None:
    message = _parse("wsinv")
    assert isinstance(message, Request)
    assert message.to.tag == message.to_tag == "1918181833n"
    assert message.from_.display_name == 'J Rosenberg \\"'
    assert message.from_tag == "98asjd8"
    assert message.max_forwards == 68
    assert (message.cseq.number, message.cseq.method) == (9, "INVITE")
    assert [via.transport for via in message.vias] == ["UDP", "TCP", "UDP"]
    assert [via.branch for via in message.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert message.headers.get("Subject") == ""
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.contacts[0].display_name == 'Quoted string ""'
    assert message.contacts[0].params.get("newparam") == "newvalue"
    assert message.contacts[0].params.get("q") == "0.33"
    assert "unknownwith" in message.routes[0].uri.params
    assert len(message.body) == 150


def test_intmeth() -> None:
    message = _parse("intmeth")
    assert isinstance(message, Request)
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.uri.host == "example.com"
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display_name == "BEL: NUL: DEL:"
    assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"


def test_escapes_are_kept_in_names_and_resolved_in_addresses_of_record() -> None:
    message = _parse("esc01")
    assert isinstance(message, Request)
    assert message.uri.user == "sips%3Auser%40example.com"
    assert message.uri.unescaped_user == "sips:user@example.com"
    assert message.to.uri.canonical_aor() == "sip:user@example.com"
    assert message.contacts[0].uri.params.get("n%61me") == "v%61lue%25%34%31"
    esc02 = _parse("esc02")
    assert isinstance(esc02, Request)
    assert esc02.method == "RE%47IST%45R"
    assert len(esc02.contacts) == 2, "C%6Fntact is another header"
    semi = _parse("semiuri")
    assert isinstance(semi, Request)
    assert semi.uri.unescaped_user == "user;par=u@example.net"


def test_long_and_doubled() -> None:
    assert len(_parse("longreq").vias) == 34
    doubled = _parse("dblreq")
    assert isinstance(doubled, Request)
    assert (doubled.method, doubled.body) == ("REGISTER", b"")


def test_responses() -> None:
    unreason, noreason = _parse("unreason"), _parse("noreason")
    assert isinstance(unreason, Response) and isinstance(noreason, Response)
    assert unreason.reason.startswith("= 2**3 * 5**2 но")
    assert (noreason.status, noreason.reason) == (100, "")


def test_contact_parameters_with_and_without_brackets() -> None:
    without, within = _parse("cparam01").contacts[0], _parse("cparam02").contacts[0]
    assert "unknownparam" in without.params and "unknownparam" not in without.uri.params
    assert "unknownparam" in within.uri.params and "unknownparam" not in within.params


def test_scalars() -> None:
    assert _parse("zeromf").max_forwards == 0
    message = parse_message(_read("scalar02"))
    assert message.expires == 2**32 - 1
    with pytest.raises(ParseError):
        _ = message.max_forwards
