"""Proves with SIPp on all sides what trunks are asked for in transfers: an agent over TCP puts his customer through to a
number at a trunk over TCP, over a second call of his (Replaces); a trunk with `refer` is asked by REFER to call a number
itself, and one with `session_timer = "off"` gets no session timer.

CDRs, segments and the queue's log are judged; media is not.
"""

import time
from pathlib import Path
from urllib.parse import quote

from tools.peers.centre import TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, wait_for

ANA, OUT = "127.0.0.31", "127.0.0.41"


def _replaces(party: Sipp) -> str:
    """For whoever is to take the place of this called party."""
    invited = party.result().requests("INVITE")[0]
    answered = next(m for way, m in party.result().messages if way == "sent" and m.status == 200)
    theirs, ours = (value.rpartition("tag=")[2] for value in (invited.get("from"), answered.get("to")))
    return quote(f"{invited.get('call-id')};to-tag={theirs};from-tag={ours}", safe="")


def test_attended_from_an_agent_to_a_trunk_over_tcp(start_switch: StartSwitch, tmp_path: Path) -> None:
    folder = tmp_path / "sipp"
    ana = Sipp(Scenario("ana", "1001").called().accept().expect_bye(), folder, address=ANA, tcp=True)
    out = Sipp(Scenario("out", "911").called().ring().accept().pause(3).bye(), folder, address=OUT, tcp=True)
    switch = start_switch(
        {
            "trunk": {
                "carrier": trunk(),
                "out": {
                    **trunk(OUT, out.port, session_timer="off"),
                    "host": f"sip:{OUT}:{out.port};transport=tcp",
                },
            },
            "endpoint": {"1001": desk(f"{ana.contact};transport=tcp", match=[f"{ANA}/32"])},
            "agent": {"ana": agent("1001")},
            "queue": {"support": queue(["ana"], record="always")},
            "route": {
                "600": {"to": "queue:support"},
                "_9.": {"to": "trunk:out", "strip": 1, "source": ["endpoint:*"]},
            },
        }
    )
    steps = Scenario("customer", "+34600000001", "600").invite().connected().expect_bye()
    customer = Sipp(steps, folder, remote=switch.sip, address=TRUNK_ADDRESS)
    with ana, out, customer:
        wait_for(lambda: ana.result().requests("ACK"), what="ana answers")
        time.sleep(0.7)  # she talks
        second = Sipp(
            Scenario("second", "1001", "9911").invite().connected().pause(0.5)
            .refer(f"<sip:911@switch.example?Replaces={_replaces(ana)}>").notified(100).notified(200).expect_bye(),
            folder, address=ANA, remote=switch.sip, tcp=True,
        )  # fmt: skip
        with second:
            for party in (second, ana, out, customer):
                result = party.wait()
                assert result.exit_code == 0, result.errors
    row = switch.cdr(customer.result().requests("INVITE", "sent")[0].get("call-id"))
    assert (row["agent"], row["destination"], row["ended_by"]) == ("ana", "trunk:out", "callee")
    first, then = switch.wait_rows(
        "SELECT * FROM segments WHERE call = ? ORDER BY began", row["call"], count=2
    )
    assert (first["agent"], first["ended_by"], then["party"]) == ("ana", "transfer", "trunk:out")
    assert first["ended"] <= then["began"] + 0.2 and then["talk_s"] > 0.5
    assert abs(row["talk_s"] - first["talk_s"] - then["talk_s"]) < 0.3
    invited = out.result().requests("INVITE")[0]
    assert not invited.get("session-expires") and "timer" not in invited.get("supported")
    verbs = [
        each["event"] for each in switch.rows("SELECT event FROM queue_log WHERE callid = ?", row["call"])
    ]
    assert verbs[-1] == "ATTENDEDTRANSFER"


def test_a_trunk_is_asked_to_call_itself(start_switch: StartSwitch, tmp_path: Path) -> None:
    folder = tmp_path / "sipp"
    ana = Sipp(
        Scenario("ana", "1001").called().accept().pause(0.5).refer("<sip:9911@switch.example>")
        .notified(100).notified(180).notified(200).expect_bye(),
        folder, address=ANA,
    )  # fmt: skip
    steps = Scenario("customer", "+34600000001", "600").invite().connected()
    steps.expect_request("REFER").answer(202, "Accepted")
    for cseq, state, line in (
        (2, "active;expires=60", "180 Ringing"),
        (3, "terminated;reason=noresource", "200 OK"),
    ):
        head = steps._head("NOTIFY", cseq) + f"\nEvent: refer\nSubscription-State: {state}"
        steps._add(steps._send(head, f"SIP/2.0 {line}\n", "message/sipfrag;version=2.0", retrans=500)).expect(
            200
        )
    steps.expect_bye()
    switch = start_switch(
        {
            "trunk": {"carrier": trunk(refer=True, trusted=True)},
            "endpoint": {"1001": desk(ana.contact, match=[f"{ANA}/32"])},
            "agent": {"ana": agent("1001")},
            "queue": {"support": queue(["ana"], record="always")},
            "route": {
                "600": {"to": "queue:support"},
                "_9.": {"to": "trunk:carrier", "strip": 1, "source": ["endpoint:*"]},
            },
        }
    )
    with ana, Sipp(steps, folder, remote=switch.sip, address=TRUNK_ADDRESS) as customer:
        for party in (ana, customer):
            result = party.wait()
            assert result.exit_code == 0, result.errors
    [refer] = customer.result().requests("REFER")
    assert refer.get("refer-to").startswith(f"<sip:911@{TRUNK_ADDRESS}")
    row = switch.cdr(customer.result().requests("INVITE", "sent")[0].get("call-id"))
    assert (row["cause"], row["destination"]) == ("handed over", "trunk:carrier/911")
    [segment] = switch.wait_rows("SELECT * FROM segments WHERE call = ?", row["call"])
    assert (segment["agent"], segment["ended_by"]) == ("ana", "transfer")
