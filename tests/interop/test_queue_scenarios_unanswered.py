"""Proves with SIPp at every end who is rung when nobody answers or nobody may be rung: a served caller as the measure, no
answer, one and all members paused, levels out of range, a member whose phone forwards, a member in use and automatic pause.

Of each: what callers and phones saw, the CDR, the offers, the visit, the queue_log, for the served one also the events of
the manager interface. What Asterisk does in each is in `docs/queue-scenarios.md`. Does not prove sound.
"""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from queue_scenes import Floor, Scenes, Telling, ended

from tools.peers.centre import queue
from tools.peers.ports import free_port
from tools.peers.switch import wait_for

MANAGER = free_port("127.0.0.1", tcp=True)
SECRET = "board-secret"
ONCE = {"delays": {"no_answer_s": 60, "busy_s": 60, "failed_s": 60}}
"""Nobody is rung a second time for one caller."""
SCENES = Scenes(
    agents={
        **{name: {} for name in ("served", "deaf1", "deaf2", "here", "away", "out1", "out2", "gone")},
        **{name: {} for name in ("low", "middle", "high", "moved", "stays", "inuse", "busy")},
        "beginner": {"skills": {"spanish": 1}},
    },
    phones=("elsewhere",),
    queues={
        "baseline": queue(["served"]),
        "silent": queue(["deaf1", "deaf2"], timeout=1.0, max_wait=2.5, **ONCE),
        "one-paused": queue(["here", "away"], timeout=1.0, max_wait=1.2, **ONCE),
        "all-paused": queue(["out1", "out2"], max_wait=1.0),
        "no-entry": queue(["out1", "out2"], joinempty="paused", on_empty="hangup:busy"),
        "emptied": queue(["gone"], leavewhenempty="paused", **ONCE),
        "penalties": {
            **queue(timeout=1.0, max_wait=3.0, min_penalty=3, max_penalty=6, **ONCE),
            "members": [
                {"agent": each, "penalty": at} for each, at in (("low", 1), ("middle", 5), ("high", 9))
            ],
            "steps": [{"after": 1.5, "max_penalty": 9}],
        },
        "no-penalty": {**queue(max_wait=1.0, max_penalty=0), "members": [{"agent": "low", "penalty": 1}]},
        "skilled": queue(skills={"spanish": 3}, max_wait=1.0),
        "forwarded": {
            **queue(**ONCE),
            "members": [{"agent": "moved"}, {"agent": "stays", "penalty": 1}],
        },
        "occupied": queue(["inuse"], autopause=1, autopause_on=["busy", "no answer"], max_wait=1.0),
        "pausing": queue(
            ["busy"], autopause=1, autopause_on=["busy"], autopause_release_s=1.5, delays={"busy_s": 0.1}
        ),
    },
    routes={
        **{
            f"60{at:02}": {"to": f"queue:{name}"}
            for at, name in enumerate(
                (
                    "baseline",
                    "silent",
                    "one-paused",
                    "all-paused",
                    "no-entry",
                    "emptied",
                    "penalties",
                    "no-penalty",
                    "skilled",
                    "forwarded",
                    "occupied",
                    "pausing",
                )
            )
        },
        "66": {"to": "extension:inuse"},
    },
    sections={"ami": {"listen": f"127.0.0.1:{MANAGER}", "user": "board", "secret": SECRET}},
)
NUMBER = {route["to"].partition(":")[2]: number for number, route in SCENES.routes.items()}


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    with SCENES.begun(tmp_path_factory.mktemp("scenes")) as telling:
        yield telling


class Board:
    """Hears the manager interface from when it is made."""

    def __init__(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", MANAGER), timeout=60)
        self._socket.sendall(f"Action: Login\r\nUsername: board\r\nSecret: {SECRET}\r\n\r\n".encode())
        self._heard = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_for(lambda: b"Response: Success" in self._heard, 10, "the log-in")

    def _read(self) -> None:
        while piece := self._socket.recv(65536):
            self._heard += piece

    def events(self, queue_name: str) -> list[str]:
        blocks = [
            dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            for block in self._heard.decode().split("\r\n\r\n")
        ]
        told = [block for block in blocks if block.get("Queue") == queue_name]
        return [block["Event"] for block in told if block["Event"] != "QueueMemberStatus"]

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@SCENES.told
def test_baseline(f: Floor) -> None:
    board = Board()
    phone = f.serving("served")
    caller = f.caller(NUMBER["baseline"], lambda s: s.connected().pause(1.5).bye()).over()
    ended(phone)
    assert caller.heard == [200]
    row = caller.cdr()
    assert (row["queue"], row["agent"], row["ended_by"], row["cause"]) == (
        "baseline",
        "served",
        "caller",
        "normal",
    )
    caller.offers(("served", "answered"))
    assert (caller.visit()["outcome"], caller.visit()["completed_by"]) == ("answered", "caller")
    entered, connected, completed = caller.log()
    assert entered == ["ENTERQUEUE", "", caller.ani, "1"]
    assert connected[0] == "CONNECT" and connected[2] in [
        leg["leg"] for leg in caller.rows("legs", "began", 2)
    ]
    assert completed == ["COMPLETECALLER", str(int(row["wait_s"])), str(int(row["talk_s"])), "1"]
    wait_for(lambda: "AgentComplete" in board.events("baseline"), 10, "AgentComplete")
    assert sorted(board.events("baseline")) == sorted(
        ["QueueCallerJoin", "AgentCalled", "QueueCallerLeave", "AgentConnect", "AgentComplete"]
    )
    board.close()


@SCENES.told
def test_no_answer(f: Floor) -> None:
    phones = [f.phone(name).does(lambda s: s.ring().cancelled()) for name in ("deaf1", "deaf2")]
    caller = f.caller(NUMBER["silent"]).over()
    ended(*phones)
    assert caller.heard == [200] and caller.was_hung_up
    caller.offers(("deaf1", "no answer"), ("deaf2", "no answer"))
    row = caller.cdr()
    assert (row["queue"], row["agent"], row["bridged"], row["ended_by"]) == ("silent", None, None, "switch")
    assert caller.visit()["outcome"] == "timeout" and caller.visit()["wait_s"] >= 2.4
    assert caller.verbs() == ["ENTERQUEUE", "RINGNOANSWER", "RINGNOANSWER", "EXITWITHTIMEOUT"]
    assert [int(line[1]) >= 900 for line in caller.log() if line[0] == "RINGNOANSWER"] == [True, True]
    assert caller.log()[-1][1:3] == ["1", "1"]


@SCENES.told
def test_one_paused(f: Floor) -> None:
    f.pause("away", "lunch")
    phone = f.phone("here").does(lambda s: s.ring().cancelled())
    caller = f.caller(NUMBER["one-paused"]).over()
    ended(phone)
    caller.offers(("here", "no answer"))
    assert caller.verbs() == ["ENTERQUEUE", "RINGNOANSWER", "EXITWITHTIMEOUT"]
    told = [line["text"] for line in f.control.get("why", "calls", caller.cdr()["call"])["lines"]]
    assert any(text.startswith("offered to here") and "away: paused (lunch)" in text for text in told), told
    assert (f.agent("away")["status"], f.agent("away")["reason"]) == ("paused", "lunch")


@SCENES.told
def test_all_paused(f: Floor) -> None:
    """Nobody is rung; who joins waits in vain, or is not let in; who waits already may be sent away."""
    for name in ("out1", "out2"):
        f.pause(name, "lunch")
    waits = f.caller(NUMBER["all-paused"])
    refused = f.caller(NUMBER["no-entry"], lambda s: s.refused(486))
    phone = f.phone("gone").does(lambda s: s.reject(486, "Busy Here"))
    sent_away = f.caller(NUMBER["emptied"])
    ended(phone)
    f.pause("gone")
    for caller in (waits, refused, sent_away):
        caller.over()
    assert (waits.heard, refused.heard) == ([200], [486]) and waits.was_hung_up
    waits.offers()
    assert waits.verbs() == ["ENTERQUEUE", "EXITWITHTIMEOUT"]
    refused.offers()
    assert (refused.verbs(), refused.visit()["outcome"]) == (["JOINEMPTY"], "join empty")
    sent_away.offers(("gone", "busy"))
    assert (sent_away.verbs()[-1], sent_away.visit()["outcome"]) == ("EXITEMPTY", "empty")


@SCENES.told
def test_level_out_of_range(f: Floor) -> None:
    """Penalties below, within and above the range, and a skill that is not enough."""
    phones = [f.phone(name).does(lambda s: s.ring().cancelled()) for name in ("middle", "high")]
    ranged = f.caller(NUMBER["penalties"])
    too_high, unskilled = f.caller(NUMBER["no-penalty"]), f.caller(NUMBER["skilled"])
    for caller in (ranged, too_high, unskilled):
        caller.over()
        assert caller.heard == [200] and caller.was_hung_up
    ended(*phones)
    ranged.offers(("middle", "no answer"), ("high", "no answer"))
    first, second = ranged.rows("offers", "offered", 2)
    entered = ranged.visit()["entered"]
    assert first["offered"] - entered < 1.4 <= second["offered"] - entered, "the step lifts the range"
    for caller in (too_high, unskilled):
        caller.offers()
        assert caller.verbs() == ["ENTERQUEUE", "EXITWITHTIMEOUT"]
    reasons = f.control.get("why", "agents", "beginner")["lines"]
    assert reasons, "why-idle answers for him too"


@SCENES.told
def test_a_member_whose_phone_forwards(f: Floor) -> None:
    """Neither to one of our phones nor to a number that leads nowhere does the caller go along."""
    moved = f.phone("moved", calls=2).does(lambda s: s.redirect(f.contact("elsewhere")))
    stays = f.serving("stays")
    caller = f.caller(NUMBER["forwarded"], lambda s: s.connected().pause(1.5).bye()).over()
    ended(stays)
    moved.stop()
    caller.offers(("moved", "failed"), ("stays", "answered"))
    assert caller.verbs() == ["ENTERQUEUE", "RINGNOANSWER", "CONNECT", "COMPLETECALLER"]
    assert caller.log()[-1][-1] == "1", "he kept his place"
    assert caller.cdr()["agent"] == "stays"
    assert "endpoint:elsewhere" not in {leg["party"] for leg in caller.rows("legs", "began", 2)}


@SCENES.told
def test_a_member_in_use_is_neither_rung_nor_paused(f: Floor) -> None:
    phone = f.serving("inuse", calls=2)
    direct = f.caller("66", lambda s: s.connected().pause(3.0).bye())
    f.wait_state("inuse", "occupied")
    waits = f.caller(NUMBER["occupied"]).over()
    waits.offers()
    assert waits.verbs() == ["ENTERQUEUE", "EXITWITHTIMEOUT"]
    assert f.agent("inuse")["status"] == "available", "no automatic pause for a phone that did not ring"
    direct.over()
    f.wait_state("inuse", "idle")
    served = f.caller(NUMBER["occupied"], lambda s: s.connected().pause(1.5).bye()).over()
    ended(phone)
    served.offers(("inuse", "answered"))


@SCENES.told
def test_a_busy_member_is_paused_by_itself(f: Floor) -> None:
    """And comes back by itself, which with Asterisk he does not."""
    busy = f.phone("busy").does(lambda s: s.reject(486, "Busy Here"))
    caller = f.caller(NUMBER["pausing"])
    ended(busy)
    wait_for(lambda: f.agent("busy")["status"] == "paused", 10, "the pause")
    assert f.agent("busy")["reason"] == "autopause"
    began = time.monotonic()
    phone = f.phone("busy").does(lambda s: s.ring().accept().pause(0.5).bye())
    caller.over()
    ended(phone)
    assert time.monotonic() - began > 1.0
    caller.offers(("busy", "busy"), ("busy", "answered"))
    assert caller.verbs() == ["ENTERQUEUE", "RINGNOANSWER", "CONNECT", "COMPLETEAGENT"]
    rows = f.log_of("NONE", "busy")
    assert ["PAUSEALL", "autopause"] in rows and any(row[0] == "UNPAUSEALL" for row in rows), rows
