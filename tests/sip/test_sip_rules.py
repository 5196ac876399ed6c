"""Proves small rules by themselves: dialogs of section 12, NAT, DTMF in INFO, screening, bodies, listeners, refusals.

Does not prove how they play together; `test_sessions.py` and `test_stack.py` do.
"""

from dataclasses import asdict, replace

import pytest

from softswitch.errors import PeerError, UnusableError
from softswitch.sip.dialog import Dialog, DialogState, OutOfOrder
from softswitch.sip.info import digit_of
from softswitch.sip.listener import Listener
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.nat import behind_nat, is_address
from softswitch.sip.refusal import refusal_of
from softswitch.sip.screening import branch_of, reply_destination
from softswitch.sip.sdp_body import description_in
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.via import Via
from softswitch.testing.stacks import DESCRIPTION


def message(start: str, *lines: str, body: bytes = b"") -> Request | Response:
    head = [
        start,
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From: Alice <sip:alice@192.0.2.1>;tag=a",
        "Call-ID: d@192.0.2.1",
        *lines,
        f"Content-Length: {len(body)}",
    ]
    return parse_message("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def invite(*lines: str, body: bytes = b"") -> Request:
    contact = "Contact: <sip:alice@192.0.2.1:5062;ob>"
    made = message(
        "INVITE sip:bob@192.0.2.2 SIP/2.0",
        "To: <sip:bob@192.0.2.2>",
        "CSeq: 5 INVITE",
        contact,
        *lines,
        body=body,
    )
    assert isinstance(made, Request)
    return made


ROUTES = ("Record-Route: <sip:near;lr;x=1>", "Record-Route: <sip:far;lr>")


def test_the_callee_keeps_record_routes_in_order_and_the_caller_turns_them_round() -> None:
    asked = invite(*ROUTES)
    callee = Dialog.of_callee(asked, "b")
    assert callee.state.route_set == ("<sip:near;lr;x=1>", "<sip:far;lr>")
    ok = make_response(asked, 200, to_tag="b", headers=(("Contact", "<sip:bob@192.0.2.2:5063>"),))
    caller = Dialog.of_caller(asked, ok)
    assert caller.state.route_set == ("<sip:far;lr>", "<sip:near;lr;x=1>")
    assert caller.state.remote_target == "sip:bob@192.0.2.2:5063"
    assert callee.state.remote_target == "sip:alice@192.0.2.1:5062;ob"
    assert (caller.state.local_tag, caller.state.remote_tag) == (
        callee.state.remote_tag,
        callee.state.local_tag,
    )
    assert (caller.state.initiator, callee.state.initiator) == (True, False)
    assert (callee.state.early, caller.state.early) == (True, False)


def test_a_2xx_says_anew_which_way_its_early_dialog_goes_and_numbers_count_on() -> None:
    asked = invite(*ROUTES)
    ringing = make_response(asked, 180, to_tag="b", headers=(("Contact", "<sip:edge@192.0.2.9>"),))
    dialog = Dialog.of_caller(asked, ringing)
    assert dialog.state.early and dialog.state.remote_target == "sip:edge@192.0.2.9"
    dialog.request("PRACK", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    dialog.accept(_info(60))
    contact = ("Contact", "<sip:bob@192.0.2.2:5063>")
    answered = make_response(invite(ROUTES[0]), 200, to_tag="b", headers=(contact,))
    dialog.confirmed_by(asked, answered)
    anew = Dialog.of_caller(asked, answered).state
    assert (anew.remote_target, anew.route_set) == ("sip:bob@192.0.2.2:5063", ("<sip:near;lr;x=1>",))
    assert dialog.state == replace(anew, local_sequence=6, remote_sequence=60)


def test_requests_of_a_dialog_carry_its_sides_its_way_and_rising_numbers() -> None:
    dialog = Dialog.of_callee(invite(*ROUTES), "b")
    first = dialog.request("INFO", via="SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
    second = dialog.request("BYE", via="SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK3")
    assert first.start_line == "INFO sip:alice@192.0.2.1:5062;ob SIP/2.0"
    assert first.headers.get_all("Route") == ["<sip:near;lr;x=1>", "<sip:far;lr>"]
    assert first.headers.get("From") == "<sip:bob@192.0.2.2>;tag=b"
    assert first.headers.get("To") == "Alice <sip:alice@192.0.2.1>;tag=a"
    assert (first.cseq.number, second.cseq.number) == (1, 2)
    assert str(dialog.first_hop()) == "sip:near;lr;x=1"


def test_a_dialog_outlives_its_process_as_plain_values() -> None:
    dialog = Dialog.of_callee(invite(*ROUTES), "b")
    dialog.confirm()
    dialog.request("INFO", via="SIP/2.0/UDP x;branch=z9hG4bK2")
    again = Dialog(DialogState(**asdict(dialog.state)))
    assert again.state == dialog.state
    made = again.request("BYE", via="SIP/2.0/UDP x;branch=z9hG4bK3")
    assert made.cseq.number == 2


def test_numbers_may_jump_and_repeat_but_not_fall() -> None:
    dialog = Dialog.of_callee(invite(), "b")
    for number in (6, 60, 60):
        dialog.accept(_info(number))
    with pytest.raises(OutOfOrder) as caught:
        dialog.accept(_info(59))
    assert caught.value.sip_status == 500


def _info(number: int) -> Request:
    made = message("INFO sip:bob@192.0.2.2 SIP/2.0", "To: <sip:bob@192.0.2.2>;tag=b", f"CSeq: {number} INFO")
    assert isinstance(made, Request)
    return made


@pytest.mark.parametrize(
    ("contact", "via_host", "source", "verdict"),
    [
        ("sip:a@10.0.0.5", "10.0.0.5", "198.51.100.7", True),
        ("sip:a@10.0.0.5", "", "198.51.100.7", False),
        ("sip:a@10.0.0.5", "", "8.8.8.8", True),
        ("sip:a@198.51.100.7", "10.0.0.5", "198.51.100.7", False),
        ("sip:gateway@198.51.100.9", "198.51.100.7", "198.51.100.7", False),
        ("sip:a@phone.example.com", "phone.example.com", "198.51.100.7", False),
        ("sip:a@[2001:db8::1]", "", "2001:db8::1", False),
        ("sip:a@0.0.0.0", "", "198.51.100.7", True),
        ("sip:a@224.0.0.1", "", "198.51.100.7", True),
    ],
)
def test_a_contact_is_believed_unless_it_cannot_be_reached(
    contact: str, via_host: str, source: str, verdict: bool
) -> None:
    assert behind_nat(Uri.parse(contact), via_host, source) is verdict


def test_addresses_and_names_are_told_apart() -> None:
    assert [is_address(text) for text in ("1.2.3.4", "[::1]", "::1", "a.b", "1.2.3", "")] == [
        *(True,) * 3,
        *(False,) * 3,
    ]


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160", "5"),
        ("application/dtmf-relay", b"Duration=160\r\nsignal = *\r\n", "*"),
        ("application/dtmf-relay", b"Signal=11\n", "#"),
        ("application/dtmf-relay", b"Signal=d", "D"),
        ("application/dtmf-relay", b"Signal=16", ""),
        ("application/dtmf-relay", b"Signal=\xd9\xa3", ""),
        ("application/dtmf-relay", b"NoSignal=5", ""),
        ("application/dtmf", b"7", "7"),
        ("application/dtmf", b" 10\r\n", "*"),
        ("application/dtmf", b"77", ""),
        ("application/dtmf", b"", ""),
        ("text/plain", b"7", ""),
    ],
)
def test_digits_in_info(kind: str, body: bytes, digit: str) -> None:
    assert digit_of(kind, body) == digit


def test_branches_are_unique_and_marked_with_the_target() -> None:
    one, two = branch_of(b"1", "sip:a@b"), branch_of(b"2", "sip:a@b")
    assert one != two
    assert one.startswith("z9hG4bK")
    assert one[-8:] == two[-8:] != branch_of(b"1", "sip:a@c")[-8:]


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=x", 5070),
        ("SIP/2.0/UDP 192.0.2.1;branch=x", 5060),
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=x;rport", 40000),
        ("SIP/2.0/UDP 10.0.0.1:5070;branch=x", 40000),
        ("SIP/2.0/UDP host.example.com:5070;branch=x", 40000),
    ],
)
def test_responses_go_to_the_source_address_always(via: str, port: int) -> None:
    source = Source("udp", "192.0.2.1", 40000)
    assert reply_destination(Via.parse(via), source) == Source("udp", "192.0.2.1", port)
    stream = Source("tcp", "192.0.2.1", 40000)
    assert reply_destination(Via.parse(via), stream) is stream


def test_a_description_is_found_alone_and_among_parts() -> None:
    plain = invite("Content-Type: application/sdp", body=DESCRIPTION)
    assert description_in(plain) is not None
    parts = (
        b"--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\nContent-Type: application/SDP\r\n\r\n"
        + DESCRIPTION
        + b"\r\n--b1--\r\n"
    )
    mixed = invite('Content-Type: multipart/mixed; boundary="b1"', body=parts)
    found = description_in(mixed)
    assert found is not None and found.media[0].port == 4000
    assert description_in(invite()) is None
    optional = ("Content-Type: application/x", "Content-Disposition: render; handling=optional")
    assert description_in(invite(*optional, body=b"x")) is None


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x", b"x", 415),
        ("multipart/mixed", b"--b\r\n\r\n--b--", 400),
        ("multipart/mixed;boundary=b", b"--b\r\n\r\n" * 20, 400),
        ("application/sdp", b"v=1\r\n", 400),
    ],
)
def test_bodies_that_cannot_be_served(kind: str, body: bytes, status: int) -> None:
    with pytest.raises(PeerError) as caught:
        description_in(invite(f"Content-Type: {kind}", body=body))
    assert caught.value.sip_status == status


def test_contacts_of_a_redirection_come_best_first_and_bounded() -> None:
    contacts = ", ".join(f"<sip:{n}@x>;q=0.{n % 10}" for n in range(30))
    made = message(
        "SIP/2.0 302 Moved", "To: <sip:b@x>;tag=b", "CSeq: 1 INVITE", f"Contact: {contacts}, <sip:best@x>"
    )
    assert isinstance(made, Response)
    refused = refusal_of(302, made)
    assert refused.contacts[0] == "sip:best@x"
    assert len(refused.contacts) == 10
    busy = message("SIP/2.0 486 Busy", "To: <sip:b@x>;tag=b", "CSeq: 1 INVITE", "Retry-After: soon")
    assert isinstance(busy, Response)
    assert (refusal_of(486, busy).retry_after_s, refusal_of(486, busy).contacts) == (None, ())


def test_listeners_read_back_and_refuse_what_is_none() -> None:
    for text in ("udp://0.0.0.0:5060", "tcp://[::1]:5060"):
        assert str(Listener.parse(text)) == text
    assert Listener.parse("udp://[::]:5060").wildcard
    for text in ("sip://1.2.3.4:5060", "udp://1.2.3.4", "udp://1.2.3.4:99999", "udp://999.1.1.1:5060"):
        with pytest.raises(UnusableError):
            Listener.parse(text)
