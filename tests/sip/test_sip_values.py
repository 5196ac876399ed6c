"""Proves the values of the SIP room one by one: URIs, addresses, Via, CSeq, parameters, Reason; odd, legal and refused.

Does not prove whole messages (`test_sip_message.py`, `test_sip_torture.py`).
"""

import pytest

from softswitch.sip.address import Address, checked_tag, tag_of
from softswitch.sip.cseq import CSeq
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import clamped_number, fold, number, readable, split
from softswitch.sip.params import Params
from softswitch.sip.reason import Reason, cause_of, phrase, q850, status_of
from softswitch.sip.uri import Uri, escape_user
from softswitch.sip.via import Via

KEPT = [
    "sip:alice@atlanta.example.com",
    "sip:alice:secretword@atlanta.example.com;transport=tcp",
    "sips:alice@atlanta.example.com?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.example.com;user=phone",
    "sips:1212@gateway.example.com",
    "sip:alice@192.0.2.4:5070",
    "sip:atlanta.example.com;method=REGISTER?to=alice%40atlanta.example.com",
    "sip:alice;day=tuesday@atlanta.example.com",
    "sip:[2001:db8::10]:5070;transport=udp",
    "sip:user_name@host_name",
    "sip:*98#@pbx",
    "sip:a@b;lr;Custom=Va%6Cue",
    "tel:+34911222333;phone-context=example.com",
    "tel:911",
    "urn:service:sos",
    "http://www.example.com/x?y=z",
    "soap.beep://192.0.2.103:3002",
]


@pytest.mark.parametrize("text", KEPT)
def test_uri_is_kept(text: str) -> None:
    assert str(Uri.parse(text)) == text
    assert Uri.parse(text.encode()) == Uri.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@h",
        "sip::p@h",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@h:0",
        "sip:a@h:65536",
        "sip:a@h:",
        "sip:a@h:5060 ",
        "sip:a@h;",
        "sip:a@h;;x",
        "sip:a@h;x=",
        "sip:a@h;x;x",
        "sip:a@h?",
        "sip:a%4@h",
        "sip:a@[::1",
        "sip:a@h_\u0131:\u0663",
        "sip:a@h\r\nX: y",
        "sip:a@h\x00",
        "sip:a b@h",
        "<sip:a@h>",
        "1ip:a@h",
        "a@h",
        "tel:",
        "tel:1@example.com",
        "tel:1?Route=x",
        "tel:1:2",
        "tel:1/2",
        "tel:1%4",
        "urn:",
    ],
)
def test_uri_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_uri_parts() -> None:
    uri = Uri.parse("SIP:alice:pw@[2001:DB8::1]:5070;Transport=TCP;lr?Replaces=a%40b")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == (
        "sip",
        "alice",
        "pw",
        "[2001:DB8::1]",
        5070,
    )
    assert uri.transport == "tcp" and "LR" in uri.params and uri.params.get("lr") is None
    assert uri.headers == "Replaces=a%40b"
    assert Uri.parse("tel:+34;ext=1").user == "+34"
    assert str(uri.bare()) == "sip:alice@[2001:DB8::1]:5070"


def test_uri_is_always_ascii() -> None:
    assert str(Uri.parse("sip:josé@h".encode())) == "sip:jos%C3%A9@h"
    assert str(Uri.parse("sip:jos\xe9@h".encode("latin-1"))) == "sip:jos%E9@h"
    assert escape_user("a b@c#é") == "a%20b%40c%23%C3%A9"
    assert Uri.parse(f"sip:{escape_user('a b@c#é')}@h").unescaped_user == "a b@c#é"


def test_canonical_address_of_record() -> None:
    aors = [
        "sip:Al%69ce@Example.COM",
        "sip:Alice@example.com;transport=tcp",
        "sips:Alice:pw@example.com:5061?x=y",
    ]
    assert {Uri.parse(aor).canonical_aor() for aor in aors} == {"sip:Alice@example.com"}
    assert Uri.parse("sip:alice@example.com").canonical_aor() != "sip:Alice@example.com"


EQUAL = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_uri_comparison_of_rfc_3261_equal(one: str, other: str) -> None:
    assert Uri.parse(one).matches(Uri.parse(other)) and Uri.parse(other).matches(Uri.parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_uri_comparison_of_rfc_3261_different(one: str, other: str) -> None:
    assert not Uri.parse(one).matches(Uri.parse(other)) and not Uri.parse(other).matches(Uri.parse(one))


def test_address_forms() -> None:
    address = Address.parse('"A. \\"G.\\" Bell, PhD" <sip:agb@bell-telephone.com;x=1>;tag=a48s ; q=0.5')
    assert address.display_name == 'A. "G." Bell, PhD'
    assert (address.tag, address.params.get("q"), address.uri.params.get("x")) == ("a48s", "0.5", "1")
    assert Address.parse(str(address)) == address
    assert Address.parse("sip:a@b;tag=1").tag == "1"
    assert Address.parse("José (2) <sip:a@b>").display_name == "José (2)"
    assert Address.parse('""<sip:a@b>') == Address.parse("<sip:a@b>")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<sip:a@b",
        '"A <sip:a@b>',
        'A "B" <sip:a@b>',
        "Bell, A <sip:a@b>",
        "< sip:a@b >",
        "<sip:a@b> x",
        "<sip:a@b>;",
        "<sip:a@b>;tag=",
        "<sip:a@b>;tag=1;tag=2",
        "sip:a@b?x=y",
        '"A" sip:a@b',
        "<sip:a@b>;tag=a b",
        "<sip:a@b>;tag=\xe9",
    ],
)
def test_address_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Address.parse(text)


def test_address_lists_with_commas_in_quotes_and_brackets() -> None:
    text = '"A, <B>" <sip:a@h>;x="1,2;3", "C\\", D" <sip:c,d@h?e=f,g>,<sip:e@h>;+sip.instance="<urn:uuid:1>"'
    found = Address.parse_list(text)
    assert [address.display_name for address in found] == ["A, <B>", 'C", D', ""]
    assert [address.uri.user for address in found] == ["a", "c,d", "e"]
    assert found[0].params.text("x") == "1,2;3"
    assert found[2].params.get("+sip.instance") == '"<urn:uuid:1>"'
    assert ",".join(map(str, found)).count("%") == 0
    with pytest.raises(ParseError):
        Address.parse_list("<sip:a@h>,")


@pytest.mark.parametrize(
    "text",
    [
        "<sip:a@b>;tag=1",
        "sip:a@b;tag=1",
        '"x;tag=2" <sip:a@b;tag=3>;tag=1',
        '"x>;tag=2" <sip:a@b>;y=">";tag=1',
        "A <sip:a@b>;x;TAG=1",
        '"a\\">;tag=5" <sip:a@b>;tag=1',
    ],
)
def test_the_tag_alone_is_the_tag_of_the_address(text: str) -> None:
    assert tag_of(text) == checked_tag(text) == Address.parse(text).tag == "1"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ('"B, C" <sip:a!b@h.example:65535>;tag=1-a.b', "1-a.b"),
        ("<sips:h:1>", ""),
        ("<sip:a@h:0>;tag=1", None),
        ("<sip:a@h:65536>;tag=1", None),
        ("<sip:@h>;tag=1", None),
        ("<sip:a@b@h>;tag=1", None),
        ("<sip:a@h;x;x>;tag=1", None),
        ('"a\\" <sip:a@h>;tag=1', None),
        ("<sip:a@h>;tag=", None),
        ("<sip:a@h>;tag=1;tag=1", None),
    ],
)
def test_a_tag_is_checked_with_its_address(text: str, tag: str | None) -> None:
    if tag is not None:
        assert checked_tag(text) == Address.parse(text).tag == tag
        return
    for read in (checked_tag, Address.parse):
        with pytest.raises(ParseError):
            read(text)


def test_via_forms() -> None:
    via = Via.parse("SIP / 2.0 / UDP [2001:db8::9]:5070 ; branch=z9hG4bK*x;rport ;received=2001:db8::1")
    assert (via.protocol, via.transport, via.host, via.port) == ("SIP/2.0", "UDP", "[2001:db8::9]", 5070)
    assert (via.branch, via.rport, via.wants_rport, via.received) == ("z9hG4bK*x", None, True, "2001:db8::1")
    assert str(via) == "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK*x;rport;received=2001:db8::1"
    assert Via.parse("SIP/2.0/TLS H").sent_by == "h:5061" and Via.parse("SIP/2.0/UDP H").sent_by == "h:5060"
    assert Via.parse("SIP/2.0/UDP h").branch == ""


def test_via_received_and_rport() -> None:
    plain = Via.parse("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1")
    assert plain.received_from("192.0.2.1", 5060) is plain
    assert str(plain.received_from("192.0.2.9", 7)) == f"{plain};received=192.0.2.9"
    asking = Via.parse("SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1")
    told = asking.received_from("192.0.2.1", 5061)
    assert str(told) == "SIP/2.0/UDP 192.0.2.1;rport=5061;branch=z9hG4bK1;received=192.0.2.1"
    assert told.rport == 5061


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h i",
        "SIP/2.0/UDP h;branch=",
    ],
)
def test_via_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Via.parse(text)


@pytest.mark.parametrize(
    "text",
    ["1_0 A", "+5 A", "٣ A", "-1 A", "2147483648 A", "1" * 5000 + " A", "1", "1 ", "1 A B", "²  A", "1\x0bA"],
)
def test_cseq_refused(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)


def test_cseq() -> None:
    assert CSeq.parse("2147483647 \t INVITE") == CSeq(2147483647, "INVITE")
    assert CSeq.parse("0009 invite") != CSeq(9, "INVITE")


def test_numbers() -> None:
    assert number("0068", "x", 255) == 68
    for text in ("256", "", " 1", "1 ", "1_0", "٣", "+1", "²", "1" * 11):
        with pytest.raises(ParseError):
            number(text, "x", 255)
    assert clamped_number("9" * 4000, "x", 100) == 100
    assert clamped_number("0" * 4000 + "7", "x", 100) == 7
    with pytest.raises(ParseError):
        clamped_number("٣" * 20, "x", 100)


def test_case_is_folded_for_ascii_only() -> None:
    assert fold("VIA") == "via"
    assert fold("\u212a") == "\u212a" and fold("İ") == "İ"
    assert "\u212aey" not in Params.parse(";key=1")


def test_lists() -> None:
    assert split("a,b", ",") == ["a", "b"]
    assert split('"a,b",<c,d>,e', ",") == ['"a,b"', "<c,d>", "e"]
    for text in ('"a,b', "<a,b", 'a\\",b"<'):
        with pytest.raises(ParseError):
            split(text, ",")


def test_params() -> None:
    params = Params.parse(' ; a = 1 ; B="x;y" ;c'.strip())
    assert str(params) == ';a=1;B="x;y";c' and params.text("b") == "x;y" and "C" in params
    assert str(params.having("A", "2").without("c")) == ';a=2;B="x;y"'
    for text in (
        ";rport;b",
        ";b;rport",
        ";b;RPORT",
        ";rport=1",
        ";rportx;rport",
        ';b=";rport;";rport;c',
        ";received=x;rport",
    ):
        asked = Params.parse(text)
        filled = asked.filled("rport", "5", "received", "192.0.2.1")
        one_by_one = asked.having("rport", "5").having("received", "192.0.2.1")
        assert (str(filled), list(filled.items())) == (str(one_by_one), list(one_by_one.items()))
    assert params == Params.parse(';b="x;y";a=1;c') and hash(params) == hash(Params.parse(';c;b="x;y";A=1'))
    with pytest.raises(ValueError):
        params.having("x", "1\r\nVia: y")


def test_readable() -> None:
    assert readable("a\x1b[2J\x00b\u202e") == "a[2Jb"
    assert readable(b"Jos\xe9".decode("utf-8", "surrogateescape")) == "José"
    assert readable(chr(0xD800) + "x") == "x"


def test_reason() -> None:
    found = Reason.parse_list('Q.850 ;cause=16;text="Normal, call \\"clearing\\"", SIP;cause=200;x=1')
    assert [(reason.protocol, reason.cause) for reason in found] == [("Q.850", 16), ("SIP", 200)]
    assert found[0].text == 'Normal, call "clearing"' and found[1].params.get("x") == "1"
    assert [Reason.parse(str(reason)) for reason in found] == found
    assert str(q850(17)) == "Q.850;cause=17"
    for text in ("", ";cause=1", "SIP;cause=x", "SIP;cause=1_0"):
        with pytest.raises(ParseError):
            Reason.parse(text)


def test_causes_and_phrases() -> None:
    assert [status_of(cause) for cause in (1, 17, 19, 21, 34, 999)] == [404, 486, 480, 403, 503, 480]
    assert [cause_of(status) for status in (200, 404, 486, 480, 503, 699)] == [16, 1, 17, 18, 41, 31]
    assert phrase(486) == "Busy Here" and phrase(499) == "Bad Request" and phrase(699) == "Decline"
