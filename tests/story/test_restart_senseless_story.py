"""Proves that a row of what peers are still to be told which makes no sense neither keeps the switch from starting nor
others from being told, sends nothing to a place that is none, leaves no session behind, and goes.

Does not prove it of rows of calls that go on; `tests/call/test_snapshot_form.py` does.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from story_floor import Centre, centre, members, sales, told

from softswitch.testing.manners import answering, ringing

FLOOR = centre(**sales(members=members("ana")))


def deep(row: Any) -> str:
    return '{"open":[],"legs":[],"more":' + "[" * 100_000 + "]" * 100_000 + "}"


def no_port(row: Any) -> str:
    row["legs"][0]["session"]["flow"]["port"] = 99_999
    return json.dumps(row)


def no_port_of_the_invite(row: Any) -> str:
    row["legs"][0]["session"]["answered"]["peer"]["port"] = 99_999
    return json.dumps(row)


def no_address(row: Any) -> str:
    row["legs"][0]["session"]["flow"]["address"] = "x" * 70
    return json.dumps(row)


def no_target(row: Any) -> str:
    row["legs"][0]["session"]["dialog"]["remote_target"] = "<"
    return json.dumps(row)


def no_port_of_an_invite(row: Any) -> str:
    leg = row["legs"].pop()["session"]["answered"]
    row["open"].append({"direction": "in", "head": leg["head"], "peer": {**leg["peer"], "port": 99_999}})
    return json.dumps(row)


NONSENSE = [deep, no_port, no_port_of_the_invite, no_address, no_target, no_port_of_an_invite]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_row_that_makes_no_sense_is_passed_over(nonsense: Any, tmp_path: Path) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call, c.phone("1002").on_call = answering(0.5), ringing
        call = c.caller()
        await asyncio.sleep(2)
        c.switch.parts.farewells.leaves(c.live().caller)
        waiting = c.phone("1003").call("1002")
        await c.phone("1002").next_call()
        await asyncio.sleep(1)
        (kept,) = c.switch.rows("farewells")
        row = json.loads(kept["data"])
        row["legs"][0]["session"]["dialog"]["local_tag"] = "of-no-call"
        with closing(sqlite3.connect(c.switch.folder / "softswitch.db")) as connection, connection:
            connection.execute("INSERT INTO farewells VALUES ('A', ?)", (nonsense(row),))
        await c.restart()
        assert await waiting.refused() == 503
        await asyncio.sleep(80)
        assert c.switch.rows("farewells") == [], "nothing is told for ever"
        assert all(packet.receiver.port < 65536 for packet in c.network.packets)
        call.hang_up()
        await c.settled()

    story(tmp_path)
