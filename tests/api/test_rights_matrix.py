"""Proves the matrix of `docs/rights.md`: every role × act × team. The table is read from the page as people read it; the
rules are asked about agents, queues and calls of one's own team, of another team, of oneself, and about what belongs to no
team; each refusal leaves its row. Further: roles of one's own, `queues` of a person, calls by queue before agent, and who
is known by user, token and phone.

Does not prove that each surface asks; for that see `tests/api/test_api_guard.py` and `tests/story/test_rights_story.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from softswitch.api.demands import demands_of, rule_of
from softswitch.call.desk import Desk
from softswitch.call.gate import Gate
from softswitch.call.permissions import ANYTHING, SWITCH, About, Actor, Permissions
from softswitch.call.refusal_limit import AT_ONCE, EVERY_S
from softswitch.call.services import Services
from softswitch.config.acts import Act
from softswitch.config.endpoints import Endpoint
from softswitch.config.queues import Agent, Member, Queue
from softswitch.config.rights import ROLES, Person, Role
from softswitch.config.rights_page import page
from softswitch.config.schema import Config
from softswitch.config.teams import Team
from softswitch.testing.rights import Seating

PAGE = Path(__file__).parents[2] / "docs/rights.md"
_ROW = re.compile(r"^\| `([a-z-]+\.[a-z-]+)` \| (.+) \|$", re.MULTILINE)
CONFIG = Config(
    endpoint={name: Endpoint() for name in ("1001", "1002", "1003", "1009")},
    agent={
        "ana": Agent(endpoint="1001"),
        "ben": Agent(endpoint="1002"),
        "eva": Agent(endpoint="1003"),
    },
    queue={
        "sales": Queue(members=(Member(agent="ana"), Member(agent="eva"))),
        "support": Queue(members=(Member(agent="ben"),)),
    },
    team={
        "a": Team(agents=("ana",), queues=("sales",)),
        "b": Team(agents=("ben",), queues=("support",)),
    },
    person={role: Person(role=role, teams=("a",), agent="eva" if role == "agent" else "") for role in ROLES},
)


def table() -> Mapping[tuple[str, Act], str]:
    """Role and act to `all`, `teams`, `self` or `–`, from the page."""
    text = PAGE.read_text()
    head = next(line for line in text.splitlines() if line.startswith("| act |"))
    roles = [word.strip() for word in head.strip("|").split("|")][1:-1]
    found = {}
    for act, cells in _ROW.findall(text):
        for role, cell in zip(roles, cells.split(" | "), strict=False):
            found[role, Act(act)] = cell
    return found


def permissions(config: Config = CONFIG) -> Permissions:
    return Permissions(cast(Any, SimpleNamespace(config=config)), Seating(config))


def actor(name: str, config: Config = CONFIG) -> Actor:
    found = permissions(config).person(name, surface="control", origin="test")
    assert found is not None
    return found


def targets(known: Permissions) -> dict[str, About]:
    return {
        "own agent": known.agent("ana"),
        "own queue": known.queue("sales"),
        "own team": known.team("a"),
        "own call": known.row("call", "c1", "sales", "eva"),
        "other agent": known.agent("ben"),
        "other queue": known.queue("support"),
        "other team": known.team("b"),
        "other call": known.row("call", "c2", "support", "ben"),
        "himself": known.agent("eva"),
        "internal call": known.row("call", "c3", "", "", ("endpoint:1002", "endpoint:1003")),
        "nobody's call": known.row("call", "c4", "", "", ("trunk:north",)),
        "switch": SWITCH,
    }


ALLOWED = {
    "all": set(targets(permissions())),
    "teams": {"own agent", "own queue", "own team", "own call"},
    "self": {"own call", "himself", "internal call"},
    "–": set(),
}
"""`self` is eva, who serves the queue of team a and is in no team: the call is hers, since she serves it."""


def test_the_page_is_up_to_date_and_names_every_act_and_role() -> None:
    assert PAGE.read_text() == page(), "run: make docs"
    assert set(table()) == {(role, act) for role in ROLES for act in Act}


@pytest.mark.parametrize("role", ROLES)
def test_every_cell_of_role_act_and_team(role: str) -> None:
    known, cells, who = permissions(), table(), actor(role)
    for act in Act:
        for name, about in targets(known).items():
            expected = name in ALLOWED[cells[role, act]]
            if cells[role, act] == "self" and act.reads and name == "own queue":
                expected = True  # he sees the queues that he serves
            missing = known.missing(who, act, about)
            assert (not missing) == expected, (role, act, name, missing)
            assert not missing or act.value in missing
        assert (not known.missing(who, act, ANYTHING)) == (cells[role, act] != "–")


class _Rows:
    """A gate whose rows are kept here."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        audit = SimpleNamespace(add_soon=self.rows.append)
        self.now = 5.0
        clock = SimpleNamespace(wall=lambda: 100.0, monotonic=lambda: self.now)
        services = SimpleNamespace(
            config=CONFIG,
            clock=clock,
            node="sw1",
            new_id=lambda: f"a{len(self.rows)}",
            store=SimpleNamespace(audit=audit),
        )
        self.gate = Gate(cast(Services, services), cast(Desk, Seating(CONFIG)))


@pytest.mark.parametrize("role", ROLES)
def test_every_refused_cell_leaves_a_row_that_names_the_right(role: str) -> None:
    who = actor(role)
    for act in Act:
        kept = _Rows()
        for about in targets(kept.gate.permissions).values():
            before = len(kept.rows)
            missing = kept.gate.missing(who, act, about, {"reason": "x"})
            rows = kept.rows[before:]
            assert [row.result for row in rows] == (["refused"] if missing else [])
            for row in rows:
                assert (row.actor, row.role, row.act, row.surface) == (role, role, act.value, "control")
                assert row.why == f"missing right: {missing}" and row.details == '{"reason": "x"}'
            if missing:
                kept.gate.missing(who, act, about)
                again = len(kept.rows) - before - 1
                assert again == (0 if act.reads else 1), "looking again within a minute is one row"


def test_a_flood_of_refusals_does_not_fill_the_trail() -> None:
    """Whether acts or looks at things that he makes up."""
    kept, who = _Rows(), actor("wallboard")
    known = kept.gate.permissions
    for number in range(2000):
        kept.gate.missing(who, Act.CALL_HANGUP, SWITCH)
        kept.gate.missing(who, Act.QUEUE_READ, known.queue(f"nowhere{number}"))
    assert len(kept.rows) == AT_ONCE
    kept.gate.missing(actor("agent"), Act.CALL_HANGUP, SWITCH)
    assert kept.rows[-1].actor == "agent", "others are written"
    kept.now += EVERY_S
    for _ in range(10):
        kept.gate.missing(who, Act.CALL_HANGUP, SWITCH)
    assert len(kept.rows) == AT_ONCE + 2
    assert kept.rows[-1].why.startswith("after 3900 refusals that were not written: missing right: call.hang")
    kept.now += 3600
    kept.gate.missing(who, Act.CALL_HANGUP, SWITCH)
    assert kept.rows[-1].why.startswith("after 9 refusals")


def test_no_row_is_longer_than_it_has_to_be() -> None:
    kept, who = _Rows(), actor("wallboard")
    given = {f"{number}" + "k" * 10_000: "v" * 10_000 for number in range(1000)}
    kept.gate.missing(who, Act.CALL_HANGUP, kept.gate.permissions.queue("q" * 10_000), given)
    [row] = kept.rows
    assert len(row.target) + len(row.details) + len(row.why) < 10_000 and row.details.startswith('{"0k')


def test_a_role_of_ones_own_replaces_and_adds() -> None:
    config = replace(
        CONFIG,
        role={"agent": Role(may=("queue.read",), reach="self"), "coach": Role(may=("spy.*",), reach="teams")},
        person={"kim": Person(role="coach", queues=("support",)), "lee": Person(role="agent", agent="ana")},
    )
    known = permissions(config)
    kim, lee = actor("kim", config), actor("lee", config)
    assert not known.missing(kim, Act.SPY_BARGE, known.agent("ben")), "he serves a queue of hers"
    assert known.missing(kim, Act.SPY_BARGE, known.agent("ana"))
    assert known.missing(kim, Act.AGENT_PAUSE, known.agent("ben"))
    assert known.missing(lee, Act.AGENT_PAUSE, known.agent("ana")), "the configuration took it from agents"
    assert not known.missing(lee, Act.QUEUE_READ, known.queue("sales"))
    assert known.missing(lee, Act.QUEUE_READ, known.queue("support"))


def test_a_call_belongs_to_its_queue_before_its_agent() -> None:
    known, who = permissions(), actor("supervisor")
    assert known.missing(who, Act.CALL_HANGUP, known.row("call", "c", "support", "ana"))
    assert not known.missing(who, Act.CALL_HANGUP, known.row("call", "c", "sales", "ben"))
    assert not known.missing(who, Act.CALL_HANGUP, known.row("call", "c", "", "ana"))


def test_who_is_known_by_user_token_and_phone() -> None:
    config = replace(
        CONFIG,
        person={
            "maria": Person(
                role="supervisor",
                teams=("a",),
                unix_users=("maria",),
                endpoints=("1009",),
                token_sha256=sha256(b"secret").hexdigest(),
            ),
            "ben": Person(role="supervisor", teams=("b",), agent="ben"),
        },
    )
    known = permissions(config)
    assert known.by_user("maria", owner=False, origin="").name == "maria"
    assert known.by_user("maria", owner=True, origin="").owner is False, "whoever is written down is that"
    stranger, owner = (
        known.by_user("joe", owner=False, origin=""),
        known.by_user("root", owner=True, origin=""),
    )
    assert all(known.missing(stranger, act, ANYTHING) for act in Act)
    assert not any(known.missing(owner, act, SWITCH) for act in Act)
    found = known.by_token("secret", surface="http", origin="192.0.2.7")
    assert found is not None and (found.name, found.surface) == ("maria", "http")
    assert known.by_token("wrong", surface="http", origin="") is None
    assert known.by_token("", surface="http", origin="") is None
    assert (known.by_phone("1009").name, known.by_phone("1002").name) == ("maria", "ben")
    nobody = known.by_phone("1001")
    assert (nobody.name, nobody.person.role, nobody.person.agent) == ("endpoint:1001", "agent", "ana")
    assert not known.missing(nobody, Act.AGENT_PAUSE, known.agent("ana"))
    assert known.missing(nobody, Act.AGENT_PAUSE, known.agent("ben"))
    gone = replace(config, person={})
    assert permissions(gone).person("maria", surface="feed") is None


def test_nobody_becomes_somebody_else_by_seating_him() -> None:
    """Who sits at a phone acts there as the person that he is: an agent who is a person of more rights is seated by nobody
    else, unless his PIN is asked for; nor is a phone taken that stands for somebody."""
    config = replace(
        CONFIG,
        person={
            "max": Person(role="administrator", agent="ana"),
            "kim": Person(role="agent", agent="eva"),
            "maria": Person(role="supervisor", teams=("a",), endpoints=("1009",)),
            "lea": Person(role="supervisor", teams=("a", "b")),
            "root": Person(role="administrator"),
        },
    )
    known = permissions(config)
    words, body = {"agent": "ana", "action": "login"}, {"endpoint": "1009"}
    demands = demands_of(rule_of("POST", "/v1/agents/{agent}/{action}"), words, body)
    assert [(kind, name) for _, kind, name in demands] == [
        ("agent", "ana"),
        ("seat", "1009"),
        ("person", "ana"),
    ]
    for name, seated, taken in (("maria", False, True), ("lea", False, False), ("root", True, True)):
        who = actor(name, config)
        assert (not known.missing(who, Act.AGENT_LOGIN, known.stands_for("ana"))) == seated, name
        assert not known.missing(who, Act.AGENT_LOGIN, known.stands_for("eva")), (
            "she has no more rights there"
        )
        assert (not known.missing(who, Act.AGENT_LOGIN, known.seat("1009"))) == taken, name
    assert not known.missing(actor("max", config), Act.AGENT_LOGIN, known.stands_for("ana")), "himself"
    person = replace(config.person["max"], pin="4711")
    pinned = permissions(replace(config, person={**config.person, "max": person}))
    assert not pinned.missing(actor("maria", config), Act.AGENT_LOGIN, pinned.stands_for("ana"))
