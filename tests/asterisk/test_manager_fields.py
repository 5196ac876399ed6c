"""Proves against Asterisk's own documentation of its manager interface (`core-en_US.xml`, read where an Asterisk is
installed) that each event of ours has every field that Asterisk's has, by its name and class, and no other but `Event`
and `Privilege`.

Does not prove values; tests/story/test_manager_story.py does. Skipped where there is no Asterisk.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from test_manager_session import Centre

from softswitch.asterisk.manager_events import ManagerEvents
from softswitch.asterisk.manager_lists import queue_status, show_channels
from softswitch.asterisk.manager_message import Action
from softswitch.facts import (
    AgentConnected,
    AgentDumped,
    AgentOffered,
    AgentStateChanged,
    AgentStatusChanged,
    CallerLeftQueue,
    CallHeld,
    CallQueued,
    CallResumed,
    Fact,
    OfferEnded,
    QueueMemberAdded,
    QueueMemberPenalty,
    QueueMemberRemoved,
    QueueTalkEnded,
)
from softswitch.ids import AgentId, CallId, LegId, OfferId, QueueName

PLACES = (
    *Path.home().glob(".cache/softswitch-bench/asterisk*/usr/share/asterisk/documentation/core-en_US.xml"),
    Path("/usr/share/asterisk/documentation/core-en_US.xml"),
    Path("/var/lib/asterisk/documentation/core-en_US.xml"),
)
DOCUMENT = next((place for place in PLACES if place.exists()), None)
pytestmark = pytest.mark.skipif(DOCUMENT is None, reason="no Asterisk is installed here")
SNAPSHOT = (
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum"),
    *("ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid"),
)
"""Every event about a channel has these (docs.asterisk.org, Channel Snapshot)."""
AT = {"wall": 1.0, "monotonic": 1.0}
CALL, SALES, ANA, OFFER = CallId("C1"), QueueName("sales"), AgentId("ana"), OfferId("O1")
FACTS: tuple[Fact, ...] = (
    CallQueued(call=CALL, queue=SALES, priority=0, position=1, **AT),
    AgentOffered(call=CALL, offer=OFFER, queue=SALES, agent=ANA, **AT),
    OfferEnded(call=CALL, offer=OFFER, queue=SALES, agent=ANA, result="no answer", rang_s=15.2, **AT),
    AgentConnected(call=CALL, queue=SALES, agent=ANA, leg=LegId("L"), waited_s=3.0, rang_s=2.0, **AT),
    AgentDumped(call=CALL, queue=SALES, agent=ANA, position=1, **AT),
    QueueTalkEnded(
        call=CALL, queue=SALES, agent=ANA, waited_s=3.0, talk_s=9.0, hold_s=1.0, completed_by="agent", **AT
    ),
    CallerLeftQueue(
        call=CALL, queue=SALES, reason="abandoned", waited_s=9.0, position=1, original_position=2, **AT
    ),
    CallHeld(call=CALL, by="caller", **AT),
    CallResumed(call=CALL, by="callee", **AT),
    AgentStateChanged(agent=ANA, old="ringing", new="idle", **AT),
    AgentStatusChanged(agent=ANA, status="paused", reason="lunch", **AT),
    QueueMemberAdded(queue=SALES, agent=ANA, penalty=0, **AT),
    QueueMemberPenalty(queue=SALES, agent=ANA, penalty=3, **AT),
    QueueMemberRemoved(queue=SALES, agent=ANA, **AT),
)


@cache
def documented() -> dict[str, tuple[str, set[str]]]:
    """Event to its class and fields, with what the document includes by pointer resolved."""
    assert DOCUMENT is not None
    found: dict[str, tuple[str, set[str]]] = {}
    instances = {
        each.get("name", ""): next(each.iter("managerEventInstance"))
        for each in ElementTree.parse(DOCUMENT).getroot().iter("managerEvent")
    }
    for name, instance in instances.items():
        fields = {each.get("name", "") for each in instance.iter("parameter")}
        for include in instance.iter("{http://www.w3.org/2001/XInclude}include"):
            fields |= included(include.get("xpointer") or "", instances)
        for snapshot in instance.iter("channel_snapshot"):
            fields |= {(snapshot.get("prefix") or "") + field for field in SNAPSHOT}
        flag = (instance.get("class") or "").removeprefix("EVENT_FLAG_").lower()
        found[name] = (flag, fields - {"ActionID"})
    return found


def included(pointer: str, instances: dict[str, ElementTree.Element]) -> set[str]:
    """`xpointer(/docs/managerEvent[@name='X']/…/parameter[@name='Y'])`, or all parameters of X."""
    words = pointer.split("'")
    if "managerEvent" not in pointer or len(words) < 3:
        return {words[3]} if len(words) > 4 else set()
    if len(words) > 4:
        return {words[3]}
    return {each.get("name", "") for each in instances[words[1]].iter("parameter")}


def events() -> Iterator[tuple[str, dict[str, str]]]:
    made = ManagerEvents(Centre())
    data = [event.data for fact in FACTS for event in made.of(fact)]
    listing = Action((("Action", "x"), ("ActionID", "1")))
    data += [*queue_status(Centre(), listing), *show_channels(Centre(), listing)]
    for each in data:
        fields = dict(line.split(":", 1) for line in each.decode().split("\r\n") if line)
        yield fields["Event"].strip(), fields


def test_every_event_has_the_fields_of_asterisks() -> None:
    seen = set()
    for name, fields in events():
        if name not in documented():
            assert name in ("QueueMember", "QueueStatusComplete"), name
            continue
        seen.add(name)
        flag, wanted = documented()[name]
        listed = name in ("QueueParams", "QueueEntry", "CoreShowChannel", "CoreShowChannelsComplete")
        if listed:
            # Asterisk's document is short of some that its source has: ServicelevelPerf is even spelt otherwise there.
            missing = {word.lower() for word in wanted} - {word.lower() for word in fields}
            assert not missing, (name, missing)
        else:
            assert set(fields) - {"Event", "Privilege"} == wanted, name
            assert fields["Privilege"].strip() == f"{flag},all", name
    assert {
        *("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentCalled", "AgentConnect"),
        *("AgentComplete", "AgentDump", "AgentRingNoAnswer", "Hold", "Unhold", "QueueMemberAdded"),
        *("QueueMemberRemoved", "QueueMemberPause", "QueueMemberPenalty", "QueueMemberStatus"),
    } <= seen
