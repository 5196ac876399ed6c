"""Proves that a phone cannot aim what we send within its calls at anybody else, neither by Record-Route nor by Contact; and
that the proxy that it comes through is still gone through.

Does not prove subscriptions (`test_notifier.py`), nor where a call to a phone begins (`test_way.py`).
"""

import pytest
from test_stack import STRANGER, Stranger, raw

from softswitch.sip.identity import Identity
from softswitch.sip.invite_plan import plan_invite
from softswitch.sip.message import Request, parse_message
from softswitch.sip.registrar import Binding
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.testing.stacks import description

VICTIM = Source("udp", "203.0.113.99", 5060)
PHONE = Identity("endpoint", "eve")


def _bye_of_ours(extra: str, contact: str = "") -> tuple[list[Request], Stranger, list[bytes]]:
    """The phone calls with `extra` lines and is hung up: what it gets, and what the victim gets."""
    phone, hit = Stranger(), list[bytes]()
    phone.world.network.attach(VICTIM, lambda data, sender, now: hit.append(data))
    phone.bob.admission = lambda request, source: PHONE
    phone.bob.on_call = lambda call: call.session.answer(description())
    data = raw(
        "INVITE", body=description().serialize(), extra=f"{extra}Content-Type: application/sdp\r\n"
    ).replace(
        b"Contact: <sip:eve@198.51.100.7:5070>", (contact or "Contact: <sip:eve@198.51.100.7:5070>").encode()
    )
    to = phone.send(data)[-1].headers.get("To") or ""
    phone.send(raw("ACK", to=to, cseq="1 ACK", via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKack"))
    phone.bob.calls[0].session.hangup()
    phone.world.run(40.0)
    messages = [parse_message(one) for one in phone.got]
    byes = [one for one in messages if isinstance(one, Request) and one.method == "BYE"]
    return byes, phone, hit


@pytest.mark.parametrize(
    ("extra", "contact"),
    [
        (f"Record-Route: <sip:{VICTIM.address};lr>\r\n", ""),
        (f"Record-Route: <sip:{VICTIM.address}>\r\n", ""),
        ("Record-Route: <sip:victim.example;lr>\r\n", ""),
        ("", f"Contact: <sip:0900123@{VICTIM.address}>"),
        (f"Record-Route: <sip:{VICTIM.address};lr>\r\n", f"Contact: <sip:0900123@{VICTIM.address}>"),
    ],
)
def test_what_a_caller_names_gets_nothing(extra: str, contact: str) -> None:
    byes, _, hit = _bye_of_ours(extra, contact)
    assert byes and not hit


def test_the_proxy_that_a_phone_comes_through_is_gone_through() -> None:
    byes, _, _ = _bye_of_ours(f"Record-Route: <sip:{STRANGER.address}:{STRANGER.port};lr>\r\n")
    assert byes[0].headers.get_list("Route") == [f"<sip:{STRANGER.address}:{STRANGER.port};lr>"]


def test_a_phone_that_is_called_is_one_however_it_is_reached() -> None:
    binding = Binding(
        endpoint="eve",  # type: ignore[arg-type]
        contact=Uri.parse("sip:eve@198.51.100.7:5070"),
        source=STRANGER,
        expires=1e9,
        call_id="x",
        cseq=1,
    )
    for destination, phone in ((binding, True), (binding.contact, False)):
        plan = plan_invite(
            destination,
            call_id="c",
            local_tag="t",
            from_=parse_message(raw()).from_,
            to=parse_message(raw()).to,
            sdp=description(),
            headers=(),
            connected=lambda place: False,
        )
        assert plan.phone is phone
