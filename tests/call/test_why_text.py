"""The reasons of an offer as they are stored, and the trail of a call.

Proves: what is stored comes back as it is shown live; rows stay within their bytes whatever the names are; older rows and
damaged trails can be read. Does not prove what the engine puts in (`tests/acd/test_acd_order.py`).
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.acd.values import Candidate, Why
from softswitch.call.stages import Dial, Greet, Wait
from softswitch.call.trail import MOST, Trail, marks_of
from softswitch.call.why import MOST_BYTES, spread, why_text, why_values
from softswitch.config.target import Target
from softswitch.ids import AgentId, QueueName

NAMES = st.text(min_size=1, max_size=60)
CANDIDATES = st.lists(
    st.one_of(
        st.builds(
            Candidate,
            agent=NAMES.map(AgentId),
            score=st.tuples(st.integers(0, 9).map(float), st.integers(-1000, 0).map(float)),
        ),
        st.builds(Candidate, agent=NAMES.map(AgentId), score=st.just(()), skipped=NAMES),
    ),
    min_size=1,
    max_size=50,
)


def reasons(candidates: list[Candidate]) -> Why:
    return Why(
        strategy="longest-idle",
        waited_s=12.25,
        position=3,
        candidates=tuple(candidates),
        required={"english": 2},
        step=1,
    )


def test_what_is_stored_comes_back_as_it_was_shown() -> None:
    why = reasons(
        [
            Candidate(agent=AgentId("ana"), score=(0.0, -45.5)),
            Candidate(agent=AgentId("ben"), score=(), skipped="paused (lunch)"),
            Candidate(agent=AgentId("eva"), score=(), skipped="talking"),
            Candidate(agent=AgentId("roy"), score=(), skipped="paused (lunch)"),
        ]
    )
    text = why_text(why)
    assert text.count("paused (lunch)") == 1
    back, shown = spread(json.loads(text)), why_values(why)
    assert back.pop("more") == 0
    assert [each["agent"] for each in back["candidates"]] == ["ana", "ben", "roy", "eva"]
    for each in (back, shown):
        each["candidates"] = sorted(
            ({**line, "score": list(line["score"])} for line in each["candidates"]),  # type: ignore[attr-defined]
            key=lambda line: str(line["agent"]),
        )
    assert back == shown


@given(CANDIDATES)
def test_a_row_stays_within_its_bytes(candidates: list[Candidate]) -> None:
    text = why_text(reasons(candidates))
    assert len(text) <= MOST_BYTES
    back = spread(json.loads(text))
    assert len(back["candidates"]) + back["more"] == len(candidates)


def test_fifty_agents_are_a_few_hundred_bytes() -> None:
    skipped = [
        Candidate(
            agent=AgentId(f"agent{n}"), score=(), skipped=("talking", "wrap-up", "paused (lunch)")[n % 3]
        )
        for n in range(49)
    ]
    assert len(why_text(reasons([Candidate(agent=AgentId("ana"), score=(0.0, -3.0)), *skipped]))) < 800


def test_older_rows_are_read_as_they_are() -> None:
    old = {"strategy": "ring-all", "candidates": [{"agent": "ana", "score": [], "skipped": "paused"}]}
    assert spread(old) == old


@pytest.mark.parametrize("written_at", [(), (3,), (40, 41, 100, 199)], ids=str)
def test_a_trail_is_bounded_and_comes_back(written_at: tuple[int, ...]) -> None:
    trail = Trail()
    trail.mark(0.0, "route", route="700", to="flow:main")
    trail.entered(1.0, Greet(flow="main"))
    for turn in range(200):
        trail.entered(2.0 + turn, Wait(queue=QueueName("sales"), priority=turn, skills={"english": 2}))
        if turn in written_at:
            assert marks_of(trail.text()) == trail.marks()
    trail.entered(300.0, Dial(target=Target.parse("extension:1001"), dialled="123456"))
    marks = marks_of(trail.text())
    assert marks == trail.marks()
    assert len(marks) == MOST
    assert marks[0]["detail"] == {"route": "700", "to": "flow:main"}
    assert marks[-1]["detail"] == {"target": "extension:1001"}
    assert marks[-2]["detail"]["priority"] == 199


def test_a_damaged_trail_is_none() -> None:
    for text in ("", "null", "{}", "[[1]]", '[["a","b","c"]]', "[1,2"):
        assert marks_of(text) == []
