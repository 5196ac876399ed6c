"""Proves against SIPp as providers, and a DNS server of our own, that calls go on when a provider dies under load: the
second trunk of a group, and the second server of a name, take what the first would have had; before that SRV's order is
kept.

Does not prove each cause and strategy (`tests/story/test_story_failover.py`). `FAILOVER_SECONDS` makes the load last
longer.
"""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tools.peers.centre import TRUNK_ADDRESS, trunk
from tools.peers.name_server import NameServer
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp, SippResult
from tools.peers.switch import StartSwitch, Switch, wait_for

SECONDS = float(os.environ.get("FAILOVER_SECONDS", "4"))
RATE = 20.0
FIRST, SECOND = "127.0.0.31", "127.0.0.32"
IN_FLIGHT = 2
"""Calls that the dying provider may have begun to ring and never answered."""


def provider(address: str, folder: Path, calls: int) -> Sipp:
    scenario = Scenario(f"provider-{address}", "provider").called().ring().accept().expect_bye()
    return Sipp(scenario, folder, address=address, calls=calls, timeout_s=SECONDS + 60)


def callers(switch: Switch, folder: Path) -> Sipp:
    scenario = Scenario("callers", "+34600000001", "0911222333").invite().connected().pause(0.5).bye()
    return Sipp(
        scenario,
        folder,
        remote=switch.sip,
        address=TRUNK_ADDRESS,
        calls=int(RATE * SECONDS),
        rate=RATE,
        timeout_s=SECONDS + 40,
    )


def config(outward: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "trunk": {"callers": trunk(), **outward},
        "route": {"_0X.": {"to": "trunk:out", "source": ["trunk:callers"], "strip": 1}},
        **sections,
        "sip": {"target_timeout_s": 1.0, **sections.get("sip", {})},
    }


def under_load(switch: Switch, first: Sipp, second: Sipp, folder: Path) -> tuple[SippResult, int, int]:
    """Call, kill the first provider half-way; what came of the calls, and how many each provider had."""
    load = callers(switch, folder)
    with load:
        wait_for(lambda: taken(first) > RATE * SECONDS / 3, 30, "calls at the first")
        assert not second.result().requests("INVITE"), "the second waits for its turn"
        first.stop()
        result = load.wait()
    return result, calls_at(first), calls_at(second)


def taken(sipp: Sipp) -> int:
    """As `calls_at`, roughly, without reading each message while the load runs."""
    traces = sipp.folder.glob("*.messages")
    return sum(trace.read_bytes().count(b"\nINVITE sip:") for trace in traces)


def calls_at(sipp: Sipp) -> int:
    return len({message.get("call-id") for message in sipp.result().requests("INVITE")})


def test_the_second_trunk_of_a_group_takes_over(start_switch: StartSwitch, tmp_path: Path) -> None:
    most = int(RATE * SECONDS)
    with provider(FIRST, tmp_path / "one", most) as first, provider(SECOND, tmp_path / "two", most) as second:
        members = [{"trunk": "one", "priority": 1}, {"trunk": "two", "priority": 2}]
        switch = start_switch(
            config(
                {"one": trunk(FIRST, first.port), "two": trunk(SECOND, second.port)},
                trunk_group={"out": {"members": members}},
            ),
            media_ports=1200,
        )
        told = switch.cli("route", "test", "0911222333", "--from", "trunk:callers")
        assert [each["trunk"] for each in told["candidates"]] == ["one", "two"]
        result, at_first, at_second = under_load(switch, first, second, tmp_path / "load")
        assert result.failed <= IN_FLIGHT and result.successful >= most - IN_FLIGHT, result.errors[-2000:]
        assert at_first > 0 and at_second > 0
        rows = switch.wait_rows("SELECT * FROM calls WHERE ended IS NOT NULL", count=most, timeout=20)
        assert sum("trunk:two" in row["destination"] for row in rows) >= most - at_first - IN_FLIGHT
        tries = switch.rows("SELECT * FROM attempts WHERE trunk = 'one' AND sip_status != 200")
        assert tries, "what failed at the first is written down"


def test_the_second_server_of_a_name_takes_over(start_switch: StartSwitch, tmp_path: Path) -> None:
    most = int(RATE * SECONDS)
    with (
        provider(FIRST, tmp_path / "one", most) as first,
        provider(SECOND, tmp_path / "two", most) as second,
        NameServer({}) as names,
    ):
        names.zone = {
            ("carrier.test.", "NAPTR"): ['10 10 "s" "SIP+D2U" "" _sip._udp.carrier.test.'],
            ("_sip._udp.carrier.test.", "SRV"): [
                f"20 0 {second.port} b.carrier.test.",
                f"10 0 {first.port} a.carrier.test.",
            ],
            ("a.carrier.test.", "A"): [FIRST],
            ("b.carrier.test.", "A"): [SECOND],
        }
        out = {"host": "sip:carrier.test", "options_interval_s": 0}
        dns = {"name_servers": [f"{names.address}:{names.port}"]}
        switch = start_switch(config({"out": out}, sip=dns), media_ports=1200)
        result, at_first, at_second = under_load(switch, first, second, tmp_path / "load")
        assert result.failed <= IN_FLIGHT and result.successful >= most - IN_FLIGHT, result.errors[-2000:]
        assert at_first > 0 and at_second >= most - at_first - IN_FLIGHT
        assert names.asked["_sip._udp.carrier.test.", "SRV"] >= 1
        [dead] = switch.cli("trunk", "dead")
        assert dead["target"] == f"udp:{FIRST}:{first.port}"


@pytest.mark.skipif(
    "FAILOVER_SECONDS" not in os.environ, reason="a provider that comes back takes half a minute"
)
def test_a_server_that_comes_back_is_used_again(start_switch: StartSwitch, tmp_path: Path) -> None:
    with NameServer({}) as names, provider(SECOND, tmp_path / "two", 1000) as second:
        first = provider(FIRST, tmp_path / "one", 1000)
        names.zone = {
            ("_sip._udp.carrier.test.", "SRV"): [
                f"10 0 {first.port} a.carrier.test.",
                f"20 0 {second.port} b.carrier.test.",
            ],
            ("a.carrier.test.", "A"): [FIRST],
            ("b.carrier.test.", "A"): [SECOND],
        }
        out = {"host": "sip:carrier.test", "options_interval_s": 0}
        dns = {"name_servers": [f"{names.address}:{names.port}"]}
        switch = start_switch(config({"out": out}, sip=dns))
        scenario = Scenario("one-call", "+34600000001", "0911222333").invite().connected().bye()
        once = Sipp(scenario, tmp_path / "c1", remote=switch.sip, address=TRUNK_ADDRESS)
        assert once.run().successful == 1
        began = time.monotonic()
        with Sipp(Scenario("back", "provider").expect_request("OPTIONS").answer(200), tmp_path / "back",
                  address=FIRST, port=first.port, timeout_s=60):  # fmt: skip
            wait_for(lambda: not switch.cli("trunk", "dead"), 60, "the first server to be found alive")
        assert time.monotonic() - began < 120
