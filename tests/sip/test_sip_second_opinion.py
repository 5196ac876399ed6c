"""Proves that where the independent parser `sipmessage` accepts a value or message, ours reads the same from it.

Does not prove what it refuses or gets wrong: two quoted addresses in one line, quoted parameters, upper-case schemes.
"""

from pathlib import Path

import pytest
import sipmessage

from softswitch.sip.address import Address
from softswitch.sip.cseq import CSeq
from softswitch.sip.errors import ParseError
from softswitch.sip.message import Request, parse_message
from softswitch.sip.uri import Uri, unescape
from softswitch.sip.via import Via

CORPUS = sorted((Path(__file__).parent / "corpus" / "rfc4475").glob("*.dat"))

URIS = [
    "sip:alice@atlanta.com",
    "sip:atlanta.com:5061;transport=tls",
    "sips:alice@atlanta.com;lr",
    "sip:+34911222333@192.0.2.1:5080;user=phone",
    "sip:alice@[2001:db8::1]:5060",
    "sip:%61lice@atlanta.com",
    "tel:+34911222333",
]
ADDRESSES = [
    "sip:alice@atlanta.com",
    "<sip:alice@atlanta.com>",
    '"Alice" <sip:alice@atlanta.com>;tag=abc',
    "Alice <sip:alice@atlanta.com;transport=udp>;tag=abc;x",
    '"A, \\"B\\"" <sip:alice@atlanta.com>',
]
VIAS = [
    "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
    "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport",
    "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks;received=192.0.2.1",
    "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx",
]


@pytest.mark.parametrize("text", URIS)
def test_uris(text: str) -> None:
    ours, theirs = Uri.parse(text), sipmessage.URI.parse(text)
    assert (ours.scheme, ours.port) == (theirs.scheme, theirs.port)
    if ours.is_sip:
        assert ours.host.strip("[]") == theirs.host.strip("[]")
        assert ours.unescaped_user == (theirs.user or "")
        assert dict(ours.params) == dict(theirs.parameters)


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text: str) -> None:
    ours, theirs = Address.parse(text), sipmessage.Address.parse(text)
    assert ours.display_name == theirs.name
    assert ours.uri.host == theirs.uri.host and ours.tag == theirs.parameters.get("tag", "")


@pytest.mark.parametrize("text", VIAS)
def test_vias(text: str) -> None:
    ours, theirs = Via.parse(text), sipmessage.Via.parse(text)
    assert (ours.transport, ours.host.strip("[]"), ours.port) == (
        theirs.transport,
        theirs.host.strip("[]"),
        theirs.port,
    )
    assert ours.branch == theirs.parameters["branch"] and str(ours) == text


def test_cseq() -> None:
    ours, theirs = CSeq.parse("314159 INVITE"), sipmessage.CSeq.parse("314159 INVITE")
    assert (ours.number, ours.method) == (theirs.sequence, theirs.method)


def _accepted_by_both(path: Path) -> bool:
    data = path.read_bytes()
    try:
        theirs = sipmessage.Message.parse(data)
        assert theirs.cseq and theirs.from_address
        parse_message(data).validate()
    except (AssertionError, ValueError, TypeError, KeyError, ParseError):
        return False
    return True


ACCEPTED_BY_BOTH = [path for path in CORPUS if _accepted_by_both(path)]


def test_enough_torture_messages_are_accepted_by_both() -> None:
    assert len(ACCEPTED_BY_BOTH) >= 20


@pytest.mark.parametrize("path", ACCEPTED_BY_BOTH, ids=lambda path: path.stem)
def test_torture_messages_that_both_accept(path: Path) -> None:
    data = path.read_bytes()
    theirs, ours = sipmessage.Message.parse(data), parse_message(data)
    their_cseq, their_from = theirs.cseq, theirs.from_address
    assert isinstance(theirs, sipmessage.Request) == isinstance(ours, Request)
    assert (ours.cseq.number, ours.cseq.method) == (their_cseq.sequence, their_cseq.method)
    assert ours.from_tag == their_from.parameters.get("tag", "")
    assert ours.call_id == theirs.call_id
    branches = [unescape(via.branch) for via in ours.vias]
    for via in theirs.via:
        assert via.parameters.get("branch", "") in branches, "it unescapes branches and misses `V :` lines"
