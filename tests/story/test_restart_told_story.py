"""Proves that whoever is called for a caller after `kill -9` is told of him what he would have been told without it: one
Max-Forwards less than came, History-Info and Diversion of a trusted trunk with their indices, lengthened; his number or
none; headers that trunks pass on and flows read. After none, one and two kills each the same. Rows of before that know
nothing of it are read, and what is kept is bounded, whole, and holds no credentials, neither the caller's nor those of
our configuration.

What trunks are told without a restart is told in `test_forwarding_story.py`.
"""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest
from story_floor import CALLER, NORTH, SOUTH, Centre, centre, members, sales, told, trunk

from softswitch.acd.values import AgentState
from softswitch.config.flow import Branch, Enqueue, Flow, Menu, Set
from softswitch.config.routes import Routing
from softswitch.config.schema import Config
from softswitch.sip.grammar import is_unsafe
from softswitch.sip.kept_invite import MOST_BYTES, MOST_HEADERS, invite_of, kept_of
from softswitch.sip.message import Request, parse_message
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

HOST = "192.0.2.1"
ENTRIES = [
    "<sip:+34900@a.example>;index=1",
    "<sip:602@b.example?Reason=SIP%3Bcause%3D486>;index=1.2;mp=1",
]
DIVERSION = '"Bob" <sip:+34900@a.example>;reason=user-busy;counter=2'
IDENTITY = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmVk;info=<https://certs.example/a>;alg=ES256"
RECEIVED = (("History-Info", ", ".join(ENTRIES)), ("Diversion", DIVERSION), ("Identity", IDENTITY))
PRIVATE = (("P-Asserted-Identity", f"<sip:{CALLER}@{NORTH}>"), ("Privacy", "id"))
OFTEN = pytest.mark.parametrize("kills", [0, 1, 2])


def trusting(*, south: bool = True, **more: object) -> Config:
    trunks = {"north": trunk(NORTH, trusted=True), "south": trunk(SOUTH, trusted=south)}
    return centre(trunk=trunks, **more)


async def waiting(c: Centre, kills: int, *headers: tuple[str, str]) -> PeerCall:
    """A customer stands in the queue, and still does after so many kills; nobody is there for him yet."""
    await c.switch.control.agent_pause("ana", "lunch")
    call = c.north.call("600", user=CALLER, max_forwards=20, headers=headers)
    await call.answered()
    await asyncio.sleep(1)
    for _ in range(kills):
        await c.restart()
        await asyncio.sleep(1)
    assert c.waiting() == 1 and not call.session.over
    return call


async def served(c: Centre) -> PeerCall:
    c.phone("1001").on_call = answering(0.2)
    await c.switch.control.agent_resume("ana")
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    return agent


def hops(invite: Request) -> int | None:
    return invite.max_forwards


@OFTEN
def test_the_agent_who_is_rung_and_the_trunk_he_puts_through_to(kills: int, tmp_path: object) -> None:
    @told(trusting(**sales(members=members("ana"))))
    async def story(c: Centre) -> None:
        call = await waiting(c, kills, *RECEIVED, *PRIVATE)
        agent = await served(c)
        assert hops(agent.invite) == 19
        assert agent.invite.from_.uri.user == "anonymous" and CALLER not in str(agent.invite.headers)
        assert "History-Info" not in agent.invite.headers and "Diversion" not in agent.invite.headers
        c.south.on_call = answering(0.1)
        agent.refer("9555")
        assert await agent.referred() == 200
        invite = c.south.calls[0].invite
        assert hops(invite) == 19
        assert invite.from_.uri.user == "anonymous" and invite.headers.get("Privacy") == "id"
        assert invite.headers.get("P-Asserted-Identity") == f"<sip:{CALLER}@{HOST}>"
        assert invite.headers.get_list("History-Info") == [
            *ENTRIES,
            f"<sip:1001@{HOST}?Reason=SIP%3Bcause%3D302>;index=1.2.1",
            f"<sip:555@{SOUTH}>;index=1.2.1.1;mp=1.2.1",
        ]
        assert invite.headers.get_list("Diversion") == [
            f"<sip:1001@{HOST}>;reason=deflection;counter=1",
            DIVERSION,
        ]
        assert invite.headers.get("Identity") == IDENTITY
        call.hang_up()

    story(tmp_path)


@OFTEN
def test_a_talk_that_was_killed_is_put_through(kills: int, tmp_path: object) -> None:
    @told(trusting(**sales(members=members("ana"))))
    async def story(c: Centre) -> None:
        call = await waiting(c, 0, *RECEIVED)
        agent = await served(c)
        for _ in range(kills):
            await c.restart()
            await asyncio.sleep(1)
        c.south.on_call = answering(0.1)
        agent.refer("9555")
        assert await agent.referred() == 200
        invite = c.south.calls[0].invite
        assert hops(invite) == 19 and invite.from_.uri.user == CALLER
        assert invite.headers.get_list("History-Info")[:2] == ENTRIES
        assert len(invite.headers.get_list("History-Info")) == 4
        call.hang_up()

    story(tmp_path)


@OFTEN
@pytest.mark.parametrize("trusted", [True, False])
def test_the_trunk_that_a_queue_overflows_to(kills: int, trusted: bool, tmp_path: object) -> None:
    """Who is not trusted is told nothing, nor is the number of who hides it."""
    queue = sales(members=members("ana"), max_wait=30.0, on_timeout="trunk:south/+34922")

    @told(trusting(south=trusted, **queue))
    async def story(c: Centre) -> None:
        c.south.on_call = answering(0.1)
        call = await waiting(c, kills, *RECEIVED, *PRIVATE)
        await asyncio.sleep(35)
        [found] = c.south.calls
        invite = found.invite
        assert hops(invite) == 19
        entries, diversions = (invite.headers.get_list(name) for name in ("History-Info", "Diversion"))
        if trusted:
            assert entries == [
                *ENTRIES,
                f"<sip:600@{HOST}?Reason=SIP%3Bcause%3D408>;index=1.2.1",
                f"<sip:+34922@{SOUTH}>;index=1.2.1.1;mp=1.2.1",
            ]
            assert diversions == [f"<sip:600@{HOST}>;reason=no-answer;counter=1", DIVERSION]
            assert invite.headers.get("P-Asserted-Identity") == f"<sip:{CALLER}@{HOST}>"
        else:
            assert entries == diversions == [] and CALLER not in str(invite.headers)
            assert "Identity" not in invite.headers
        call.hang_up()

    story(tmp_path)


@OFTEN
def test_who_has_come_through_too_many_hands_leads_no_further(kills: int, tmp_path: object) -> None:
    """A loop over two systems ends, whichever of them is killed on the way: the other refuses by 483."""
    overflow = sales(members=members("ana"), max_wait=20.0, on_timeout="trunk:south/600")

    @told(trusting(**overflow))
    async def story(c: Centre) -> None:
        await c.switch.control.agent_pause("ana", "lunch")
        call = c.north.call("600", user=CALLER, max_forwards=1)
        await call.answered()
        for _ in range(kills):
            await asyncio.sleep(1)
            await c.restart()
        c.south.on_call = answering(0.1)
        await call.hung_up()
        cdr = await c.cdr()
        assert cdr["cause"] == "loop" and c.south.calls == []

    story(tmp_path)


READS = Flow(
    start="choose",
    node={
        "choose": Menu(prompt="welcome", keys={"1": "judge"}, timeout_s=60),
        "judge": Branch(on="condition", cases={"header('X-Customer') == '77'": "known"}, default="other"),
        "known": Set(priority="7", next="other"),
        "other": Enqueue(queue="sales"),
    },
)


@OFTEN
def test_a_flow_that_is_entered_again_reads_the_same_headers(kills: int, tmp_path: object) -> None:
    @told(centre(flow={"main": READS}, routing=Routing(flow_headers=("X-Customer",))))
    async def story(c: Centre) -> None:
        call = c.caller("700", headers=(("X-Customer", "77"),))
        await call.answered()
        await asyncio.sleep(1)
        for _ in range(kills):
            await c.restart()
            await asyncio.sleep(1)
        c.press("1")
        await asyncio.sleep(1)
        (standing,) = c.switch.control.queue("sales").callers
        assert standing.priority == 7
        call.hang_up()

    story(tmp_path)


@told(trusting(**sales(members=members("ana"))))
async def test_a_row_of_before_that_knows_nothing_of_it(c: Centre) -> None:
    """Its call goes on as it did before: with a Max-Forwards of ours, and no history."""
    call = await waiting(c, 0, *RECEIVED)
    restarting = asyncio.create_task(c.restart(down_s=5.0))
    await asyncio.sleep(4.9)
    with closing(sqlite3.connect(c.switch.folder / "softswitch.db")) as database, database:
        query = "UPDATE snapshots SET data = json_remove(data, '$.legs[0].session.invite') WHERE data LIKE '%\"invite\"%'"
        assert database.execute(query).rowcount == 1
    await restarting
    await asyncio.sleep(1)
    agent = await served(c)
    assert hops(agent.invite) == 69
    call.hang_up()


KEYED = {
    "north": trunk(NORTH, headers_add={"X-Carrier-Key": "s3cret"}),
    "south": trunk(SOUTH, headers_add={"X-Carrier-Key": "s3cret"}, headers_pass=("X-Seen",)),
}
OUTWARDS = sales(members=members("ana"), max_wait=5.0, on_timeout="trunk:south/+34922")


@told(centre(trunk=KEYED, **OUTWARDS))
async def test_what_proves_a_caller_or_us_is_written_nowhere(c: Centre) -> None:
    """Neither his credentials nor what nobody reads of him; and nothing of the INVITE that we send ourselves."""
    roaming = c.phone("1005")
    assert await roaming.sign_in() == 200
    await c.switch.control.agent_pause("ana", "lunch")
    call = roaming.call(
        "600", headers=(("X-Seen", "yes"), ("X-Token", "t0ken"), ("Remote-Party-ID", "<sip:a@b>"))
    )
    await call.answered()
    await asyncio.sleep(1)
    request = c.live().caller.session.request  # type: ignore[union-attr]
    assert request is not None and "Authorization" in request.headers
    written = [row["data"] for row in c.switch.rows("snapshots")]
    c.south.on_call = answering(0.1)
    await asyncio.sleep(8)
    assert c.south.calls[0].invite.headers.get("X-Carrier-Key") == "s3cret"
    written += [row["data"] for row in c.switch.rows("snapshots")]
    assert len(json.loads(written[-1])["legs"]) == 2, "the trunk has its leg there too"
    for data in map(str.lower, written):
        assert "x-seen" in data
        for secret in ("authorization", "carrier", "s3cret", "x-token", "t0ken", "remote-party-id"):
            assert secret not in data
    call.hang_up()


@told(centre(trunk=KEYED, **sales(members=members("ana"))))
async def test_what_rows_of_before_have_too_much_is_gone_with_the_next_one(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.2)
    call = c.caller(headers=(("X-Seen", "yes"),))
    await call.answered()
    await asyncio.sleep(2)
    restarting = asyncio.create_task(c.restart(down_s=5.0))
    await asyncio.sleep(4.9)
    with closing(sqlite3.connect(c.switch.folder / "softswitch.db")) as database, database:
        [(text,)] = database.execute("SELECT data FROM snapshots").fetchall()
        row = json.loads(text)
        for leg in row["legs"]:
            leg["session"].setdefault("invite", []).append(["x-carrier-key", "s3cret"])
        database.execute("UPDATE snapshots SET data = ?", (json.dumps(row),))
    await restarting
    await asyncio.sleep(2)
    [now] = c.switch.rows("snapshots")
    assert len(json.loads(now["data"])["legs"]) == 2
    assert "x-seen" in now["data"] and "s3cret" not in now["data"]
    call.hang_up()


@told(centre(trunk=KEYED, **OUTWARDS))
async def test_what_is_kept_is_picked_out_once_for_a_session(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.2)
    call = c.caller(headers=(("X-Seen", "yes"),))
    await call.answered()
    await asyncio.sleep(1)
    session = c.live().caller.session
    assert session is not None
    before = session.kept
    assert before and ("x-seen", "yes") in before
    c.switch.parts.services.changed(c.live().id)
    await asyncio.sleep(1)
    assert session.kept is before
    call.hang_up()


# --- what is kept, by itself --------------------------------------------------------------------------------------------


def received(*lines: bytes) -> Request:
    head = (
        b"INVITE sip:600@192.0.2.1 SIP/2.0", b"Via: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bK1", b"Max-Forwards: 20",
        b"f: <sip:a@h>;tag=1", b"t: <sip:600@h>", b"i: 1", b"CSeq: 1 INVITE", b"m: <sip:a@198.51.100.10>",
        b"Proxy-Authorization: Digest username=\"a\", response=\"0\"", *lines, b"l: 0",
    )  # fmt: skip
    message = parse_message(b"\r\n".join(head) + b"\r\n\r\n")
    assert isinstance(message, Request)
    return message


def names(request: Request) -> list[str]:
    return [name for name, _ in kept_of(request, READ)]


READ = ("X-A", "X-Long", "X-Short", "X-Bad", "X-Good", "s", "Proxy-Authorization", "Via")


def test_what_is_read_later_is_kept_in_order_and_nothing_else() -> None:
    request = received(
        b"X-Nobody-Reads: 1",
        b"Subject: a",
        b"history-info: <sip:a@b>;index=1,",
        b" <sip:c@d>;index=1.1",
        b"X-A: 1",
        b"History-Info: <sip:e@f>;index=1.2",
    )
    assert kept_of(request, READ) == (
        ("max-forwards", "20"),
        ("subject", "a"),
        ("history-info", "<sip:a@b>;index=1, <sip:c@d>;index=1.1"),
        ("history-info", "<sip:e@f>;index=1.2"),
        ("x-a", "1"),
    )


def test_it_is_read_as_it_was_written() -> None:
    request = received(b"Diversion: <sip:a@b>;reason=busy", b"Diversion: <sip:c@d>;reason=busy")
    dialog = type("State", (), {"remote_target": "sip:a@198.51.100.10"})()
    again = invite_of(kept_of(request), dialog)
    assert again is not None and again.max_forwards == 20
    assert again.headers.get_list("Diversion") == request.headers.get_list("Diversion")
    assert kept_of(again) == kept_of(request), "a second restart loses nothing more"
    assert invite_of((), dialog) is None


def test_a_header_is_kept_whole_or_not_at_all() -> None:
    half = b"x" * (MOST_BYTES // 2)
    request = received(b"X-Long: " + half, b"X-Long: " + half, b"X-Short: 1")
    assert names(request) == ["max-forwards", "x-short"]


def test_room_is_counted_in_bytes_and_lines() -> None:
    assert names(received(b"X-Long: " + "é".encode() * (MOST_BYTES * 2 // 3))) == ["max-forwards"]
    fits, many = [b"X-A: 1"] * (MOST_HEADERS - 1), [b"X-A: 1"] * MOST_HEADERS
    assert len(names(received(*fits))) == MOST_HEADERS
    assert names(received(*many)) == ["max-forwards"]


@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x00b"])
def test_what_could_not_be_read_again_is_left_out(value: bytes) -> None:
    request = received(b"X-Bad: 1", b"X-Bad: " + value, b"X-Good: 1")
    assert names(request) == ["max-forwards", "x-good"]
    assert not any(is_unsafe(value) for _, value in kept_of(request, READ))
