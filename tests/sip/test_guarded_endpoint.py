"""Proves what strangers get from the whole SIP side of a switch: one short answer to an unauthenticated request, whatever
its Via says, silence to what cannot be read, silence once banned, 503 with a spread Retry-After when there is too much to
do; and that those who are known are served meanwhile. Virtual time, a network in memory.

Does not prove sockets (`tests/interop/test_fuzz.py`), nor loss and set-up times under a flood (`benchmarks/flood.py`).
"""

import asyncio
import re

import pytest
from guarded import HOME, Home, Outsider, credentials, request, story

from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.security import Security
from softswitch.sip.digest import challenges_of
from softswitch.sip.message import parse_message
from softswitch.sip.overload import Load
from softswitch.testing.network import Network
from softswitch.testing.virtual_time import VirtualClock

METHODS = (
    "REGISTER",
    "INVITE",
    "SUBSCRIBE",
    "MESSAGE",
    "OPTIONS",
    "PUBLISH",
    "INFO",
    "REFER",
    "NOTIFY",
    "BYE",
    "XYZ",
)


def _padded(data: bytes, size: int) -> bytes:
    return data.replace(b"\r\nMax", b"\r\nX-Padding: " + b"x" * max(size - len(data) - 13, 0) + b"\r\nMax", 1)


def test_one_short_answer_for_forty_seconds_whatever_is_asked() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, Security(trusted=(), ban_after=1000))
        await home.sip.start()
        for index, method in enumerate(METHODS):
            for size in (0, 400, 500, 700, 1200):
                eve = Outsider(network, f"203.0.113.{index + 1}")
                data = _padded(request(method, address=eve.address), size)
                eve.send(data)
                await asyncio.sleep(40.0)
                assert len(eve.got) == 1, f"{method} of {len(data)} bytes"
                assert len(eve.got[0]) <= 1.5 * len(data), f"{method} of {len(data)} bytes"

    story(tell())


def test_requests_too_short_for_any_answer_get_none() -> None:
    tiny = (
        b"INVITE sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bKa\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\ni:1\r\n"
        b"CSeq:1 INVITE\r\nm:<sip:a>\r\n\r\n"
    )

    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve = Outsider(network)
        for method in (b"INVITE", b"OPTIONS", b"REGISTER", b"XYZ"):
            data = tiny.replace(b"INVITE", method)
            before = sum(map(len, eve.got))
            eve.send(data)
            await asyncio.sleep(1.0)
            assert sum(map(len, eve.got)) - before <= 1.5 * len(data), method
        assert home.sip.stats().too_short >= 3
        stream = Outsider(network, "203.0.113.10", "tcp")
        stream.send(tiny)
        await asyncio.sleep(1.0)
        assert stream.statuses() == [401], "a stream has proved where its peer is"

    story(tell())


def test_the_challenge_offers_all_algorithms_where_the_request_is_long_enough() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        for number, size in enumerate((0, 700)):
            phone = Outsider(network, f"203.0.113.{number + 20}")
            phone.send(_padded(request("REGISTER", address=phone.address), size))
            await asyncio.sleep(1.0)
        offered = [[one.algorithm for one in challenges_of(phone.responses()[0])] for phone in (phone,)]
        assert offered == [["SHA-256", "MD5"]]

    story(tell())


def test_answers_go_to_the_source_and_never_to_the_host_in_the_via() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve, victim = Outsider(network), Outsider(network, "198.51.100.99")
        for method in ("REGISTER", "INVITE", "OPTIONS", "BYE"):
            for extra in ("", ";received=198.51.100.99", ";maddr=198.51.100.99"):
                data = request(method, address=victim.address)
                eve.send(data.replace(b";rport", extra.encode() + b";rport", 1))
        await asyncio.sleep(40.0)
        assert len(eve.got) == 12 and victim.got == []

    story(tell())


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS\0",
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        request("OPTIONS").replace(b"SIP/2.0\r\n", b"SIP/9.0\r\n", 1),
        request("INVITE").replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
        request("INVITE").replace(b"Content-Length: 0", b"Content-Length: 10"),
        request("INVITE").replace(b"Content-Length: 0", b"Content-Length: -1"),
        request("INVITE")[:-40],
    ],
)
def test_what_cannot_be_read_gets_nothing_over_udp(data: bytes) -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve = Outsider(network)
        eve.send(data)
        await asyncio.sleep(1.0)
        assert eve.got == [] and home.sip.stats().unparsable == 1
        carrier = Outsider(network, "198.51.100.10")
        carrier.send(request("INVITE", address=carrier.address).replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
        await asyncio.sleep(1.0)
        assert carrier.statuses() == [400], "a trunk is told what it does wrong"

    story(tell())


def test_unreadable_bytes_end_in_a_ban() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve = Outsider(network)
        for _ in range(60):
            eve.send(b"\xff\xfe nonsense")
            await asyncio.sleep(0.5)
        assert [event.kind for event in home.events] == ["banned"]
        eve.send(request("OPTIONS"))
        await asyncio.sleep(1.0)
        assert eve.got == [] and home.sip.stats().received < 60
        await asyncio.sleep(301.0)
        eve.send(request("OPTIONS"))
        await asyncio.sleep(1.0)
        assert eve.statuses() == [200], "the ban is over"

    story(tell())


def _registered(phone: Outsider, user: str = "1000", password: str = "") -> bytes:
    """The REGISTER that answers the last 401."""
    answer = credentials(phone.responses()[-1], user, password or f"pw{user}", "REGISTER")
    return request("REGISTER", user, address=phone.address, headers=(answer,), cseq=2)


def test_wrong_passwords_end_in_silence_and_a_neighbour_registers() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve = Outsider(network)
        for _ in range(12):
            before = len(eve.got)
            eve.send(request("REGISTER"))
            await asyncio.sleep(0.5)
            if len(eve.got) > before:
                eve.send(_registered(eve, password="guess"))
            await asyncio.sleep(0.5)
        assert set(eve.statuses()) == {401} and 15 <= len(eve.got) <= 20
        assert [event.kind for event in home.events] == ["failed"] * (len(home.events) - 1) + ["banned"]
        assert {event.user for event in home.events[:-1]} == {"1000"}
        assert home.sip._wire is not None and not home.sip._welcome("203.0.113.9")
        ana = Outsider(network, "203.0.113.10")
        ana.send(request("REGISTER", "1001", address=ana.address))
        await asyncio.sleep(0.5)
        ana.send(_registered(ana, "1001"))
        await asyncio.sleep(0.5)
        assert ana.statuses() == [401, 200]

    story(tell())


def test_a_friendly_scanner_is_never_answered() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        eve = Outsider(network)
        for method in ("OPTIONS", "REGISTER", "INVITE"):
            eve.send(request(method, agent="friendly-scanner"))
        eve.send(request("OPTIONS"))
        await asyncio.sleep(1.0)
        assert eve.got == [] and "friendly-scanner" in home.events[0].why

    story(tell())


def test_too_much_to_do_refuses_strangers_first_then_calls_then_registrations() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        phone, carrier = Outsider(network, "203.0.113.20"), Outsider(network, "198.51.100.10")
        phone.send(request("REGISTER", address=phone.address))
        await asyncio.sleep(0.5)
        phone.send(_registered(phone))
        await asyncio.sleep(0.5)
        carrier.send(request("INVITE", address=carrier.address))
        await asyncio.sleep(0.5)
        session = home.sessions[0]
        assert carrier.statuses()[0] == 100

        home.sip.guard.overload.level = Load.HIGH
        carrier.send(request("INVITE", address=carrier.address))
        phone.send(request("REGISTER", address=phone.address, cseq=3))
        await asyncio.sleep(0.5)
        refused = carrier.responses()[-1]
        assert refused.status == 503 and 5 <= int(refused.headers.get("Retry-After") or 0) <= 15
        assert phone.statuses()[-1] == 401

        home.sip.guard.overload.level = Load.SEVERE
        stranger = Outsider(network, "198.18.0.1")
        stranger.send(request("OPTIONS", address=stranger.address))
        phone.send(request("REGISTER", address=phone.address, cseq=4))
        carrier.send(request("OPTIONS", address=carrier.address))
        carrier.send(
            request("BYE", address=carrier.address, to_tag=session.local_tag, call_id="unknown", cseq=2)
        )
        await asyncio.sleep(0.5)
        assert stranger.got == []
        last = phone.responses()[-1]
        assert last.status == 503 and 20 <= int(last.headers.get("Retry-After") or 0) <= 120
        assert carrier.statuses()[-2:] == [200, 481], "within dialogs everything is answered"

    story(tell())


def test_a_phone_with_a_new_address_is_heard_within_its_call_whatever_the_load() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        carrier = Outsider(network, "198.51.100.10")
        invite = request("INVITE", address=carrier.address, call_id="roaming")
        carrier.send(invite)
        await asyncio.sleep(0.5)
        session = home.sessions[0]
        call_id, theirs = session.call_id, parse_message(invite).from_tag
        home.sip.guard.overload.level = Load.SEVERE
        roaming = Outsider(network, "198.18.0.7")

        def bye(tag: str, call: str = call_id) -> bytes:
            data = request("BYE", address=roaming.address, to_tag=tag, cseq=2).decode()
            data = re.sub(r"Call-ID: .*?\r", f"Call-ID: {call}\r", data)
            return re.sub(r"tag=from[0-9]+", f"tag={theirs}", data).encode()

        for guess in (bye("guessed"), bye(session.local_tag, "guessed")):
            roaming.send(guess)
        await asyncio.sleep(0.5)
        assert roaming.got == [], "who knows half of it is a stranger"
        roaming.send(bye(session.local_tag))
        await asyncio.sleep(1.0)
        assert roaming.statuses() == [481], "heard: a call that does not ring yet has no BYE"
        now = VirtualClock().monotonic()
        home.sip.guard.ban(roaming.address, "by hand", now)
        assert not home.sip.guard.hears_dialogs_only(roaming.address, now)

    story(tell())


def test_caps_of_one_address_leave_the_others_alone() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, Security(trusted=(), max_dialogs=2, max_transactions=20))
        home.sip.guard.set_exempt(())
        await home.sip.start()
        carrier = Outsider(network, "198.51.100.10")
        for _ in range(4):
            carrier.send(request("INVITE", address=carrier.address))
        await asyncio.sleep(0.2)
        assert sorted(status for status in carrier.statuses() if status != 100) == [503, 503]
        for session in home.sessions:
            session.hangup(486)
        await asyncio.sleep(60.0)
        assert home.sip.guard.quotas.holding("dialogs", carrier.address) == 0
        assert home.sip.guard.quotas.holding("transactions", carrier.address) == 0
        for _ in range(30):
            carrier.send(request("INVITE", address=carrier.address))
        await asyncio.sleep(0.2)
        assert home.sip.guard.quotas.holding("transactions", carrier.address) == 20

    story(tell())


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ("203.0.113.30", 200),
        ("10.1.2.3", 200),
        ("198.51.100.1", 403),
        ("phone.example", 403),
        ("10.0.0.0.evil.example", 403),
    ],
)
def test_contacts_lie_where_they_may(contact: str, status: int) -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network, Security(trusted=(), contact_networks=("10.0.0.0/8",)))
        await home.sip.start()
        phone = Outsider(network, "203.0.113.30")
        phone.send(request("REGISTER", address=phone.address))
        await asyncio.sleep(0.5)
        data = _registered(phone)
        phone.send(data.replace(b"@203.0.113.30:5060>", f"@{contact}:5060>".encode()))
        await asyncio.sleep(0.5)
        assert phone.statuses() == [401, status]

    story(tell())


def test_a_registers_neither_for_b_nor_at_the_switch_itself_nor_twice_with_one_proof() -> None:
    async def tell() -> None:
        network = Network()
        home = Home(network)
        await home.sip.start()
        phone = Outsider(network, "203.0.113.31")
        phone.send(request("REGISTER", "1001", address=phone.address))
        await asyncio.sleep(0.5)
        answer = credentials(phone.responses()[-1], "1000", "pw1000", "REGISTER")
        phone.send(request("REGISTER", "1001", address=phone.address, headers=(answer,)))
        await asyncio.sleep(0.5)
        assert phone.statuses()[-1] == 403 and home.sip.registrations() == ()
        phone.send(request("REGISTER", address=phone.address))
        await asyncio.sleep(0.5)
        proof = _registered(phone)
        phone.send(proof.replace(b"@203.0.113.31:5060>", f"@{HOME}:5060>".encode()))
        await asyncio.sleep(0.5)
        assert phone.statuses()[-1] == 403 and home.sip.registrations() == (), (
            "a contact at ourselves is a loop"
        )
        phone.send(request("REGISTER", address=phone.address))
        await asyncio.sleep(0.5)
        proof = _registered(phone)
        phone.send(proof)
        await asyncio.sleep(40.0)
        replayed = proof.replace(b"z9hG4bKrequest", b"z9hG4bKanother")
        phone.send(replayed)
        await asyncio.sleep(0.5)
        assert phone.statuses()[-2:] == [200, 401]
        assert challenges_of(phone.responses()[-1])[0].stale

    story(tell())


@pytest.mark.parametrize(
    "method",
    ["INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "NOTIFY", "PUBLISH", "INFO", "UPDATE", "PRACK", "BYE"],
)
def test_nothing_of_a_stranger_begins_anything(method: str) -> None:
    """Also with a forged To tag, and with Replaces of a call that is alive."""

    async def tell() -> None:
        network = Network()
        home = Home(network, config=Config(trunk={}, endpoint={"1000": Endpoint()}))
        await home.sip.start()
        eve = Outsider(network)
        for to_tag in ("", "forged"):
            for header in ((), ("Replaces: call-1@203.0.113.9;to-tag=a;from-tag=b", "Require: replaces")):
                eve.send(request(method, to_tag=to_tag, headers=header))
        await asyncio.sleep(40.0)
        assert home.sessions == [] and home.sip.sessions() == ()
        assert all(status >= 400 for status in eve.statuses()) and len(eve.got) == 4

    story(tell())
