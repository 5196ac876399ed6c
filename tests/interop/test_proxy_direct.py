"""Proves the proxy on a running switch: SIPp calls SIPp with direct media, whose RTP never comes by; a MESSAGE goes between
two phones that register with digest; two contacts of one phone ring and the loser is cancelled; a caller gives up.
"""

from pathlib import Path
from threading import Thread

from tools.peers.centre import desk, phone
from tools.peers.rtp_party import RtpParty, compare
from tools.peers.scenario import Scenario
from tools.peers.sip_party import Call, SipParty
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, wait_for

ALICE, BOB = "127.0.0.31", "127.0.0.32"


def _answered(caller: Call, callee: Call) -> None:
    """The callee repeats its 200 until the caller's ACK has come through."""
    accepting = Thread(target=callee.accept)
    accepting.start()
    caller.wait(200)
    accepting.join(30)
    assert callee.confirmed.is_set()


def test_sipp_calls_sipp_and_the_media_goes_directly(start_switch: StartSwitch, tmp_path: Path) -> None:
    folder = tmp_path / "sipp"
    bob = Sipp(Scenario("bob", "1002").called().ring().accept().expect_bye(), folder, address=BOB)
    alice_contact = f"sip:1001@{ALICE}:5060"
    switch = start_switch(
        {
            "endpoint": {
                "1001": desk(alice_contact, match=[f"{ALICE}/32"], direct_media=True),
                "1002": desk(bob.contact, match=[f"{BOB}/32"], direct_media=True),
            }
        }
    )
    steps = Scenario("alice", "1001", "1002").invite().connected().pause(1).bye()
    with bob, Sipp(steps, folder, remote=switch.sip, address=ALICE) as alice:
        for party in (alice, bob):
            result = party.wait()
            assert result.exit_code == 0, result.errors
        offered = next(
            one for way, one in alice.result().messages if way == "sent" and one.method == "INVITE"
        )
        got = next(one for way, one in bob.result().messages if way == "got" and one.method == "INVITE")
    assert got.body == offered.body, "the offer is the caller's, to the byte"
    assert ALICE in got.body and len(got.all("via")) == 2
    row = switch.cdr(offered.get("call-id"))
    assert (row["last_stage"], row["cause"], row["ended_by"]) == ("direct", "normal", "caller")
    assert (row["destination"], row["packets_in"]) == ("endpoint:1002", 0) and 0.8 < row["talk_s"] < 10


def test_rtp_goes_from_phone_to_phone(start_switch: StartSwitch) -> None:
    switch = start_switch({"endpoint": {n: phone(f"pw{n}", direct_media=True) for n in ("1001", "1002")}})
    with (
        SipParty("1001", ALICE, switch.sip, password="pw1001") as alice,
        SipParty("1002", BOB, switch.sip, password="pw1002") as bob,
        RtpParty(ALICE) as here,
        RtpParty(BOB) as there,
    ):
        alice.register(), bob.register()
        call = alice.call("1002", (here.address, here.port))
        challenge = call.wait(401)
        alice.authenticate(call, challenge)
        other = bob.accept_call((there.address, there.port)).ring()
        _answered(call, other)
        here.peer, there.peer = (there.address, there.port), (here.address, here.port)
        sent = [bytes([80 + n]) * 160 for n in range(40)]
        here.play(sent).wait_played()
        assert there.wait_packets(45)
        assert compare(sent, there.payloads()).bit_exact
        assert {packet.source for packet in there.received} == {(here.address, here.port)}, (
            "straight from him"
        )
        other.bye()
        assert call.ended.wait(10)
        row = switch.cdr(call.call_id)
    assert (row["last_stage"], row["ended_by"]) == ("direct", "callee")


def test_a_message_between_two_phones_and_one_of_the_switch(start_switch: StartSwitch) -> None:
    switch = start_switch({"endpoint": {n: phone(f"pw{n}") for n in ("1001", "1002")}})
    with (
        SipParty("1001", ALICE, switch.sip, password="pw1001") as alice,
        SipParty("1002", BOB, switch.sip, password="pw1002") as bob,
    ):
        bob.automatic = lambda request: 200 if request.method in ("MESSAGE", "OPTIONS") else 481
        alice.register(), bob.register()
        uri = f"sip:1002@{alice.domain}"
        base = [
            ("From", f"<{alice.aor}>;tag=m"),
            ("To", f"<{uri}>"),
            ("Call-ID", "message-1"),
            ("Max-Forwards", "70"),
        ]
        asked = alice.transact(
            "MESSAGE", uri, [*base, ("CSeq", "1 MESSAGE")], "hello", content_type="text/plain"
        ).wait()
        assert asked.status == 407 and not bob.strays
        proof = alice.credentials.answer(asked, "MESSAGE", uri)
        given = alice.transact(
            "MESSAGE",
            uri,
            [*base, ("CSeq", "2 MESSAGE"), proof, ("X-Odd", " kept ")],
            "hello",
            content_type="text/plain",
        ).wait()
        assert given.status == 200
        got = next(one for way, one in bob.log if way == "got" and one.method == "MESSAGE")
        assert got.body == "hello" and not got.all("proxy-authorization")
        [sent] = switch.cli("message", "send", "--to", "1002", "--text", "call Ana", "--json")
        assert (sent["endpoint"], sent["status"]) == ("1002", 200)
        wait_for(lambda: any(one.body == "call Ana" for _, one in bob.log), what="the switch's own text")


def test_two_contacts_ring_and_the_loser_is_cancelled(start_switch: StartSwitch) -> None:
    both = {n: phone(f"pw{n}", direct_media=True) for n in ("1001", "1002")}
    switch = start_switch({"endpoint": both})
    with (
        SipParty("1001", ALICE, switch.sip, password="pw1001") as alice,
        SipParty("1002", BOB, switch.sip, password="pw1002") as desk_phone,
        SipParty("1002", BOB, switch.sip, password="pw1002") as other_phone,
    ):
        alice.register(), desk_phone.register(), other_phone.register()
        media = (ALICE, 40000)
        call = alice.call("1002", media)
        alice.authenticate(call, call.wait(401))
        wins = desk_phone.accept_call((BOB, 40002)).ring()
        loses = other_phone.accept_call((BOB, 40004)).ring()
        _answered(call, wins)
        assert loses.cancelled.wait(10)
        call.bye()
        assert switch.cdr(call.call_id)["cause"] == "normal"
        call = alice.call("1002", media)
        alice.authenticate(call, call.wait(401))
        rings = [one.accept_call((BOB, 40002)).ring() for one in (desk_phone, other_phone)]
        call.wait(180)
        call.cancel()
        assert all(one.cancelled.wait(10) for one in rings)
        assert switch.cdr(call.call_id)["cause"] == "cancelled"
