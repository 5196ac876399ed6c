"""Proves the figure for `kill -9` of the control process under calls: their audio goes on without it, BYE, re-INVITE and
UPDATE of either side are answered whether they were sent before, while nobody listened, or afterwards, and at least 99 of
100 calls end with one right CDR: who hung up, how, for how long, as the parties saw it. INVITEs in progress get a final
answer, but those of the last moment, which time out; each for which a phone rang has its CDR, none stays open, and none
leaves a phone ringing. No call has two agents.

Prints one JSON line. `KILL_CALLS` calls (21) for each of `KILLS` kills (1), at moments that follow from the seed.
"""

import json
import os
import random
import threading
import time
from typing import Any

import pytest

from benchmarks.kill_load import SLOW, Asked, Dialling, KillLoad, Story
from benchmarks.ua_load import Plan
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, desk, load_config
from tools.peers.ports import free_port
from tools.peers.switch import StartSwitch, Switch, wait_for

CALLS = int(os.environ.get("KILL_CALLS", "21"))
KILLS = int(os.environ.get("KILLS", "1"))
IN_PROGRESS = max(6, CALLS // 4)
SPREAD_S = 5.0
"""Within which the calls begin to go on; the switch is away for a part of it."""
LEAST_RIGHT = 0.99
WRITTEN_S = 0.3
"""An INVITE that came so shortly before the kill may not be written down yet: it times out at its caller."""
TOLERANCE_S = 1.0
"""A shared machine that stands still for a moment is no fault in a CDR."""
HEARTBEAT_S = 1.0
"""How exactly the switch knows when it died: the time of a hold that no row knew of yet is known to that."""


class Killer(threading.Thread):
    """Kills the switch at a random moment and starts it again at once."""

    def __init__(self, switch: Switch, seed: int) -> None:
        super().__init__(daemon=True)
        self._switch = switch
        self._after_s = random.Random(seed).uniform(0.6, 2.2)
        self.load: KillLoad | None = None
        self.killed = self.back = 0.0

    def run(self) -> None:
        assert self.load is not None
        time.sleep(self._after_s)
        self._switch.kill9()
        self.killed = time.monotonic()
        self._switch.start()
        self.back = self.load.back = time.monotonic()


@pytest.mark.parametrize("seed", range(KILLS))
def test_calls_end_rightly_over_a_kill(start_switch: StartSwitch, seed: int) -> None:
    port = free_port(AGENT_ADDRESS)
    contacts = {f"a{at}": f"sip:a{at}@{AGENT_ADDRESS}:{port}" for at in range(CALLS)}
    config = load_config(contacts, record=False)
    config["endpoint"][SLOW] = desk(f"sip:{SLOW}@{AGENT_ADDRESS}:{port}", max_calls=IN_PROGRESS)
    config["route"]["601"] = {"to": f"extension:{SLOW}"}
    switch = start_switch(config)
    killer = Killer(switch, seed)
    plan = Plan(server=switch.sip, callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=port, calls=CALLS, ramp=20,
                seconds=SPREAD_S, hold_s=3.0, connect_timeout_s=60)  # fmt: skip
    load = killer.load = KillLoad(
        plan,
        in_progress=IN_PROGRESS,
        seed=seed,
        slow_number="601",
        on_steady=killer.start,
        on_end=killer.join,
    )
    load.run()
    assert (len(load.stories), load.result.failed) == (CALLS, 0), load.result.failures
    assert load.result.connected == CALLS, "each with one agent"
    wait_for(lambda: not switch.cli("calls"), 10, "the end of all calls")
    figures = _figures(switch, load, killer)
    print(json.dumps({"benchmark": "calls over a kill", "seed": seed, **figures}))
    assert figures["right"] >= LEAST_RIGHT * CALLS, figures["wrong"]
    assert figures["requests_answered"] >= LEAST_RIGHT * figures["requests"], figures["answers"]
    assert figures["asked_while_away"] >= 1, "the plans are spread over the time that it was away"
    assert figures["rtp_sent"] > CALLS * 2 * 50 and figures["rtp_lost"] == 0
    assert (load.media.misrouted, load.deaf_after_resume()) == (0, 0)
    assert figures["in_progress_at_the_kill"] >= 1
    assert figures["in_progress_unanswered"] == figures["in_progress_without_cdr"] == 0
    assert figures["in_progress_rung"] >= 1 and figures["in_progress_left_ringing"] == 0
    assert switch.rows("SELECT count(*) AS n FROM calls WHERE ended IS NULL")[0]["n"] == 0
    for table in ("journal", "snapshots"):
        assert switch.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] == 0


@pytest.mark.parametrize(
    ("what", "sent", "answered", "status", "right"),
    [("bye", 9, 9.1, 200, True), ("bye", 9.9, 11, 481, True), ("bye", 9, 9.1, 481, False), ("bye", 11, 12, 481, False),
     ("hold", 9.9, 11, 481, False), ("update", 11, 0, 0, False)],
)  # fmt: skip
def test_a_bye_of_an_unknown_call_is_right_only_over_the_kill(
    what: str, sent: float, answered: float, status: int, right: bool
) -> None:
    asked = Asked(party="agent", what=what, sent=sent, answered=answered, status=status)
    assert _answered(asked, 10.0) is right


def _figures(switch: Switch, load: KillLoad, killer: Killer) -> dict[str, Any]:
    query = "SELECT * FROM calls WHERE ended IS NOT NULL"
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in switch.wait_rows(query, count=CALLS):
        rows.setdefault(row["sip_call_id"], []).append(row)
    wrong = {}
    for story in load.stories:
        problem = _problem(story, rows.get(story.call_id, []), killer.killed)
        if problem:
            wrong[story.call_id] = problem
    asked = [each for story in load.stories for each in story.asked]
    answered = sum(_answered(each, killer.killed) for each in asked)
    sent, lost = load.lost_until_changed()
    dialled = list(load.dialling.values())
    return {
        "calls": CALLS,
        "right": CALLS - len(wrong),
        "wrong": wrong,
        "killed_after_s": round(killer.killed - min(one.connected for one in load.stories), 2),
        "away_s": round(killer.back - killer.killed, 2),
        "requests": len(asked),
        "requests_answered": answered,
        "asked_while_away": sum(killer.killed < each.sent < killer.back for each in asked),
        "answers": _answers(load.stories),
        "rtp_sent": sent,
        "rtp_lost": lost,
        "in_progress": len(dialled),
        "in_progress_at_the_kill": sum(_open_at(one, killer.killed) for one in dialled),
        "in_progress_answers": sorted({one.statuses[-1] for one in dialled if one.final}),
        "in_progress_unanswered": sum(not (one.final or _just_before(one, killer)) for one in dialled),
        "in_progress_timed_out": sum(not one.final and _just_before(one, killer) for one in dialled),
        "in_progress_rung": sum(bool(one.rung) for one in dialled),
        "in_progress_left_ringing": sum(
            one.rung != one.silenced for one in dialled if not _just_before(one, killer)
        ),
        "in_progress_without_cdr": sum(
            len(rows.get(one.call_id.decode(), [])) != 1 for one in dialled if _is_known(one, killer)
        ),
    }


def _answers(stories: list[Story]) -> dict[str, dict[str, int]]:
    """How often each kind of request was answered how; 0: not at all."""
    found: dict[str, dict[str, int]] = {}
    for asked in (each for story in stories for each in story.asked):
        counts = found.setdefault(f"{asked.party} {asked.what}", {})
        counts[str(asked.status)] = counts.get(str(asked.status), 0) + 1
    return dict(sorted(found.items()))


def _problem(story: Story, rows: list[dict[str, Any]], killed: float) -> str:
    """What is wrong with the CDR of this call, by what its parties saw; empty: nothing."""
    if len(rows) != 1:
        return f"{len(rows)} CDRs"
    [row] = rows
    bye = story.asked[-1]
    if bye.what != "bye" or not story.other_heard_bye:
        return f"its plan came to {bye.what} only, or the other side heard no BYE"
    ended_by = "caller" if bye.party == "caller" else "callee"
    if (row["ended_by"], row["cause"]) != (ended_by, "normal"):
        return f"ended by {row['ended_by']}, {row['cause']}; it was the {bye.party}"
    together, held = row["talk_s"] + row["hold_s"], _held_s(story, killed)
    shortest, longest = bye.sent - story.connected, bye.answered - story.connected
    if not shortest - TOLERANCE_S <= together <= longest + TOLERANCE_S:
        return f"{together:.2f} s long; it was {shortest:.2f} to {longest:.2f}"
    if not held[0] - TOLERANCE_S <= row["hold_s"] <= held[1] + TOLERANCE_S:
        return f"held for {row['hold_s']:.2f} s; it was {held[0]:.2f} to {held[1]:.2f}"
    return ""


def _held_s(story: Story, killed: float) -> tuple[float, float]:
    """At least and at most: a request counts from somewhere between when it was sent and when it was answered."""
    hold = next((each for each in story.asked if each.what == "hold"), None)
    resume = next((each for each in story.asked if each.what == "resume"), None)
    if hold is None or resume is None:
        return 0.0, 0.0
    last_moment = any(killed - WRITTEN_S < each.answered < killed for each in (hold, resume))
    more = HEARTBEAT_S if last_moment else 0.0
    return resume.sent - hold.answered - more, resume.answered - hold.sent + more


def _answered(asked: Asked, killed: float) -> bool:
    """By 200; a BYE that the dead process had written down, but not answered any more, is one of an unknown call."""
    over_the_kill = asked.sent < killed < asked.answered
    return asked.status == 200 or (asked.what == "bye" and asked.status == 481 and over_the_kill)


def _open_at(one: Dialling, moment: float) -> bool:
    return one.began < moment and not 0.0 < one.final < moment


def _is_known(one: Dialling, killer: Killer) -> bool:
    """Its start is written down: before a phone rings for it in any case."""
    return 180 in one.statuses or not _just_before(one, killer)


def _just_before(one: Dialling, killer: Killer) -> bool:
    return killer.killed - WRITTEN_S < one.began < killer.killed
