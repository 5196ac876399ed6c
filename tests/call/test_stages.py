"""Proves that what the journal holds of a stage is enough to enter it again: every stage comes back as it was.

Does not prove that anything re-enters stages after a crash; today such calls are closed.
"""

import json

import pytest

from softswitch.call.stages import (
    Arrive,
    Confer,
    Dial,
    End,
    Greet,
    Message,
    Say,
    Stage,
    Supervise,
    Talk,
    Wait,
    arguments_of,
    from_journal,
    name_of,
)
from softswitch.call.termination import By, Cause, Termination
from softswitch.config.target import Target
from softswitch.ids import AgentId, LegId, OfferId, QueueName
from softswitch.ivr.actions import FlowState

FLOW = FlowState(
    flow="main", node="menu", language="es", digits="1", variables={"x": "y"}, skills={"sales": 2}
)
WAIT = Wait(
    queue=QueueName("sales"),
    priority=3,
    skills={"sales": 2},
    entered=1_800_000_000.5,
    waited_s=4.5,
    kept=True,
)
STAGES: tuple[Stage, ...] = (
    Arrive(),
    Greet(flow="main", resume=FLOW, result="busy"),
    WAIT,
    Dial(target=Target("trunk", "carrier", "+34"), dialled="+34", resume=FLOW, hops=2),
    Talk(other=LegId("L"), queue=QueueName("sales"), agent=AgentId("ana"), offer=OfferId("O"), again=WAIT),
    Dial(target=Target("agent", "ana"), record="always", again=WAIT),
    Confer(conference="team"),
    Supervise(agent=AgentId("ana")),
    Message(box="sales", resume=FLOW),
    Say(prompts=("closed", "goodbye"), termination=Termination(By.SWITCH, Cause.NORMAL, 200), early=True),
    End(termination=Termination(By.CALLER, Cause.CANCELLED, 487)),
)


@pytest.mark.parametrize("stage", STAGES, ids=name_of)
def test_a_stage_comes_back_from_the_journal(stage: Stage) -> None:
    written = json.loads(json.dumps(arguments_of(stage)))
    assert from_journal(name_of(stage), written) == stage


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="no stage is called"):
        from_journal("dance", {})
