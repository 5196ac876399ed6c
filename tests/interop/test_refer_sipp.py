"""Proves transfers by REFER with SIPp on all sides, over UDP: an agent's phone puts a customer through to a phone, blind
and over a second call of its own (Replaces); each NOTIFY says what it should, both of its dialogs are hung up, and CDRs,
segments, the queue's log and the recording are right.
"""

import time
from pathlib import Path
from urllib.parse import quote

from tools.peers.centre import TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch, wait_for

ANA, EVA = "127.0.0.31", "127.0.0.33"


def _switch(start_switch: StartSwitch, ana: Sipp, eva: Sipp) -> Switch:
    return start_switch(
        {
            "trunk": {"carrier": trunk()},
            "endpoint": {
                "1001": desk(ana.contact, match=[f"{ANA}/32"]),
                "1003": desk(eva.contact, match=[f"{EVA}/32"]),
            },
            "agent": {"ana": agent("1001")},
            "queue": {"support": queue(["ana"], record="always")},
            "route": {"600": {"to": "queue:support"}},
        }
    )


def _customer(switch: Switch, folder: Path) -> Sipp:
    steps = Scenario("customer", "+34600000001", "600").invite().connected().expect_bye()
    return Sipp(steps, folder, remote=switch.sip, address=TRUNK_ADDRESS)


def _judge(switch: Switch, customer: Sipp, how: str) -> None:
    invited = customer.result().requests("INVITE", "sent")[0]
    row = switch.cdr(invited.get("call-id"))
    assert (row["agent"], row["destination"], row["ended_by"]) == ("ana", "endpoint:1003", "callee")
    first, second = switch.wait_rows(
        "SELECT * FROM segments WHERE call = ? ORDER BY began", row["call"], count=2
    )
    assert (first["party"], first["agent"], first["ended_by"]) == ("endpoint:1001", "ana", "transfer")
    assert (second["party"], second["ended_by"]) == ("endpoint:1003", "callee")
    assert first["ended"] <= second["began"] + 0.2 and second["talk_s"] > 0.5
    verbs = [
        each["event"] for each in switch.rows("SELECT event FROM queue_log WHERE callid = ?", row["call"])
    ]
    assert verbs[-1] == how
    recording = switch.wait_rows("SELECT * FROM recordings WHERE call = ? AND state = 'ended'", row["call"])
    assert len(recording) == 1 and recording[0]["seconds"] > first["talk_s"] + 0.5


def test_blind(start_switch: StartSwitch, tmp_path: Path) -> None:
    ana = Sipp(
        Scenario("ana", "1001").called().accept().pause(0.7).refer("<sip:1003@switch.example>")
        .notified(100).notified(200).expect_bye(),
        tmp_path / "sipp", address=ANA,
    )  # fmt: skip
    eva = Sipp(Scenario("eva", "1003").called().accept().pause(1).bye(), tmp_path / "sipp", address=EVA)
    switch = _switch(start_switch, ana, eva)
    with ana, eva, _customer(switch, tmp_path / "sipp") as customer:
        for party in (customer, eva, ana):
            result = party.wait()
            assert result.exit_code == 0, result.errors
    _judge(switch, customer, "BLINDTRANSFER")


def test_attended_over_a_second_call(start_switch: StartSwitch, tmp_path: Path) -> None:
    ana = Sipp(Scenario("ana", "1001").called().accept().expect_bye(), tmp_path / "sipp", address=ANA)
    eva = Sipp(Scenario("eva", "1003").called().accept().pause(3).bye(), tmp_path / "sipp", address=EVA)
    switch = _switch(start_switch, ana, eva)
    with ana, eva, _customer(switch, tmp_path / "sipp") as customer:
        wait_for(lambda: ana.result().requests("ACK"), what="ana answers")
        time.sleep(0.7)  # she talks
        invited = ana.result().requests("INVITE")[0]
        answered = next(m for way, m in ana.result().messages if way == "sent" and m.status == 200)
        theirs, ours = (value.rpartition("tag=")[2] for value in (invited.get("from"), answered.get("to")))
        replaces = quote(f"{invited.get('call-id')};to-tag={theirs};from-tag={ours}", safe="")
        second = Sipp(
            Scenario("second", "1001", "1003").invite().connected().pause(0.5)
            .refer(f"<sip:1003@switch.example?Replaces={replaces}>").notified(100).notified(200).expect_bye(),
            tmp_path / "sipp", address=ANA, remote=switch.sip,
        )  # fmt: skip
        with second:
            for party in (second, ana, eva, customer):
                result = party.wait()
                assert result.exit_code == 0, result.errors
    _judge(switch, customer, "ATTENDEDTRANSFER")
    [consultation] = switch.rows("SELECT * FROM calls WHERE source = 'endpoint:1001'")
    assert consultation["cause"] == "handed over"
