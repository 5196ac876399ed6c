"""Proves what is said at check time of queues, steps, surges, penalties, skills, pauses, plug-ins and states of agents: the
key that is told, whether it is a problem or a warning, and the words of it; and that Asterisk's and FreeSWITCH's names of
strategies are read.

Does not prove what the engine does with them (`tests/acd`).
"""

from pathlib import Path

import pytest
from test_config_crosscheck import findings

from softswitch.config.loader import load

Q = """
[queue.q]
members = [{ agent = "ana", penalty = 2 }]
"""


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            "steps = [{ after = 30, skills = { a = 1 } }, { after = 10, skills = { a = 0 } }]",
            "queue.q.steps[1].after",
            "comes after a step of 30 s",
        ),
        ("steps = [{ after = 30 }]", "queue.q.steps[0]", "changes nothing"),
        (
            "steps = [{ after = 30, skills = { sales = 6 } }]",
            "queue.q.steps[0].skills.sales",
            "6 is no level",
        ),
        ("steps = [{ after = 30, also = { sales = 0 } }]", "queue.q.steps[0].also.sales", "0 is no level"),
        ("preferred_skills = { sales = 7 }", "queue.q.preferred_skills.sales", "7 is no level"),
        (
            "surge = { waiting = 3, until = 3, agents = ['ana'] }",
            "queue.q.surge.until",
            "is not below waiting, 3",
        ),
        ("surge = { waiting = 3 }", "queue.q.surge", "names nobody"),
        ("surge = { waiting = 3, agents = ['anna'] }", "queue.q.surge.agents[0]", "there is no agent 'anna'"),
        ("min_penalty = 3\nmax_penalty = 2", "queue.q.max_penalty", "is below min_penalty, 3"),
        ("joinempty = 'pausd'", "queue.q.joinempty", "'pausd' is no state of agents"),
        ("leavewhenempty = 'inuse,away'", "queue.q.leavewhenempty", "'away' is no state of agents"),
        ("strategy = 'longest-idel'", "queue.q.strategy", "is not allowed"),
        ("resume_s = -1", "queue.q.resume_s", "is below zero"),
        ("callback = { pause_s = -1 }", "queue.q.callback.pause_s", "is below zero"),
        ("callback = { key = '12' }", "queue.q.callback.key", "'12' is no key"),
        ("callback = { confirm_key = 'x' }", "queue.q.callback.confirm_key", "'x' is no key"),
        (
            "keys = { '1' = 'hangup' }\ncallback = { key = '1' }",
            "queue.q.callback.key",
            "1 leads to hangup by `keys`",
        ),
        ("callback = { when = 'offfice' }", "queue.q.callback.when", "there is no calendar 'offfice'"),
        ("callback = { via = 'trunk:nobody' }", "queue.q.callback.via", "there is no trunk 'nobody'"),
        ("callback = { via = 'queue:q' }", "queue.q.callback.via", "queue:q leads to no trunk"),
        ("callback = { via = 'trunk' }", "queue.q.callback.via", "lacks a name"),
        ("callback = { attempts = 0 }", "queue.q.callback.attempts", "is not above 0"),
        (
            "callback = { ring_s = 5, least_ring_s = 5 }",
            "queue.q.callback.least_ring_s",
            "taken for a machine",
        ),
        ("callback = { first = 'nobody' }", "queue.q.callback.first", "is not allowed"),
        ("callback = { pause = 5 }", "queue.q.callback.pause", ""),
        ("autopause_on = ['bussy']", "queue.q.autopause_on[0]", "is not allowed"),
    ],
)
def test_problems(tmp_path: Path, text: str, key: str, said: str) -> None:
    problems, _ = findings(tmp_path, Q + text)
    assert [path for path in problems if path == key], problems
    assert said in problems[key]


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            "max_wait = 20\nsteps = [{ after = 30, max_penalty = 9 }]",
            "queue.q.steps[0].after",
            "comes too late: callers leave after max_wait, 20 s",
        ),
        (
            "steps = [{ after = 30, also = { support = 5 } }]",
            "queue.q.steps[0].also.support",
            "no agent has 'support' at level 5 or more",
        ),
        ("preferred_skills = { salse = 1 }", "queue.q.preferred_skills.salse", "no agent has 'salse'"),
        ("max_penalty = 1", "queue.q.members", "no member has a penalty within min_penalty and max_penalty"),
        ("strategy_plugin = 'nobodys'", "queue.q.strategy_plugin", "no installed package offers a strategy"),
        ("[pause_reason.lunhc]\nmax_agents = 1", "pause_reason.lunhc", "is none of features.pause_reasons"),
    ],
)
def test_warnings(tmp_path: Path, text: str, key: str, said: str) -> None:
    problems, warnings = findings(tmp_path, Q + text)
    assert problems == {}
    assert said in warnings[key]


ALIASES = {
    "leastrecent": "longest-idle",
    "rrmemory": "round-robin",
    "rrordered": "round-robin",
    "fewestcalls": "fewest-calls",
    "wrandom": "weighted",
    "ringall": "ring-all",
    "linear": "linear",
    "random": "random",
    "longest-idle-agent": "longest-idle",
    "agent-with-least-talk-time": "least-talk",
    "agent-with-fewest-calls": "fewest-calls",
    "ring-progressively": "progressive",
    "sequentially-by-agent-order": "linear",
    "top-down": "linear",
}


@pytest.mark.parametrize(("theirs", "ours"), ALIASES.items())
def test_names_of_strategies_elsewhere(tmp_path: Path, theirs: str, ours: str) -> None:
    findings(tmp_path, Q + f"strategy = '{theirs}'\nleavewhenempty = 'strict'")
    queue = load(tmp_path / "softswitch.toml").config.queue["q"]
    assert (queue.strategy, queue.leavewhenempty) == (ours, "strict")
