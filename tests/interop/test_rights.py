"""Proves from outside: another user of this machine runs the command line, in processes of his, on the control socket of
a real switch and is known by the kernel as the supervisor that he is; what he does with his own team is done, with another
team it is refused with status 4 and the missing right; a token counts more than the user; a stranger may nothing; callers
of SIPp who wait are moved and given another priority; every act and refusal stands in the audit trail, also after
`kill -9`; aiohttp follows events with a token and sees its own queue only.

Does not prove every right (`tests/api`) nor phones (`tests/story/test_rights_story.py`). As another user it runs as root
only; else tokens stand for the people. Who shows a token, and the owner, run the command line within the test's process: it
is the same, and an interpreter takes longer to start than the switch to answer.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from grp import getgrnam
from hashlib import sha256
from pathlib import Path
from pwd import getpwnam
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from softswitch.cli.main import cli
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, agent, desk, queue, trunk
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.switch import Switch, wait_for

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
USER, GROUP = "nobody", "nogroup"
_AS_ANOTHER = """
import importlib, os, pkgutil, sys
import softswitch.cli
for found in pkgutil.iter_modules(softswitch.cli.__path__):
    importlib.import_module("softswitch.cli." + found.name)
uid, gid, *arguments = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
softswitch.cli.main.cli(arguments, prog_name="softswitch")
"""
"""The interpreter and the checkout may be where only their owner may go: all is imported before the user changes."""
REFUSED = 4


def _digest(name: str) -> str:
    return sha256(f"token of {name}".encode()).hexdigest()


class People:
    """A folder that everybody may enter, with the control socket and a token for each person."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "switch/state/control.sock"
        folder.chmod(0o755)
        for name in ("maria", "max", "stranger"):
            token = folder / name
            token.write_text(f"token of {name}\n")
            token.chmod(0o644)

    def run(self, *arguments: str, who: str = "") -> tuple[int, str]:
        """As the owner of the switch, or as somebody with his token. Within this process."""
        proof = str(self.folder / who) if who else None
        env = {
            "SOFTSWITCH_SOCKET": str(self.socket),
            "SOFTSWITCH_CONFIG": None,
            "SOFTSWITCH_TOKEN_FILE": proof,
        }
        done = CliRunner().invoke(cli, arguments, env=env)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def run_as_maria(self, *arguments: str) -> tuple[int, str]:
        """As another user of this machine, without any token, in a process of his."""
        if not IS_ROOT:
            return self.run(*arguments, who="maria")
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "SOFTSWITCH_SOCKET": str(self.socket),
            "COLUMNS": "250",
        }
        ids = str(getpwnam(USER).pw_uid), str(getgrnam(GROUP).gr_gid)
        done = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER, *ids, *arguments],
            cwd="/", env=env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def trail(self, *filters: str) -> list[dict[str, Any]]:
        """Oldest first."""
        status, shown = self.run("audit", "list", "--json", *filters)
        assert status == 0, shown
        rows: list[dict[str, Any]] = json.loads(shown)
        return rows[::-1]


@pytest.fixture
def people() -> Iterator[People]:
    with tempfile.TemporaryDirectory(prefix="rights-") as folder:
        yield People(Path(folder))


def _config(events: int) -> dict[str, Any]:
    return {
        "general": {"control_group": GROUP} if IS_ROOT else {},
        "trunk": {"carrier": trunk()},
        "endpoint": {
            "1001": desk(f"sip:1001@{AGENT_ADDRESS}:{free_port(AGENT_ADDRESS)}"),
            "1002": desk(f"sip:1002@{AGENT_ADDRESS}:{free_port(AGENT_ADDRESS)}"),
        },
        "agent": {"ana": agent("1001"), "ben": agent("1002")},
        "queue": {"sales": queue(["ana"]), "support": queue(["ben"])},
        "route": {"600": {"to": "queue:sales"}},
        "team": {
            "a": {"agents": ["ana"], "queues": ["sales"]},
            "b": {"agents": ["ben"], "queues": ["support"]},
        },
        "person": {
            "maria": {
                "role": "supervisor",
                "teams": ["a"],
                "unix_users": [USER],
                "token_sha256": _digest("maria"),
            },
            "max": {"role": "supervisor", "teams": ["a", "b"], "token_sha256": _digest("max")},
        },
        "events": {"listen": f"127.0.0.1:{events}", "secret": "feed-secret-1"},
    }


def test_the_command_line_of_another_user(people: People, tmp_path: Path) -> None:
    events = free_port("127.0.0.1", tcp=True)
    with Switch(people.folder / "switch", _config(events)) as switch:
        _his_own_team_and_no_other(people)
        _by_token(people)
        _callers_who_wait(switch, people, tmp_path, events)
        rows = people.trail()
        switch.kill9()
        switch.start()
        again = people.trail()
        assert again[: len(rows)] == rows, "the trail outlives a crash"


def _his_own_team_and_no_other(people: People) -> None:
    status, shown = people.run_as_maria("whoami")
    assert status == 0 and "maria" in shown and "supervisor" in shown
    assert not IS_ROOT or f"user {USER} (uid 65534)" in shown
    assert people.run_as_maria("agent", "pause", "ana", "lunch")[0] == 0
    for wrong, right, her_process in (
        (("agent", "pause", "ben", "lunch"), "agent.pause on agent ben", True),
        (("agent", "logout", "ben"), "agent.logout on agent ben", False),
        (("supervise", "start", "1001", "ben"), "spy.listen on agent ben", False),
        (("queue", "show", "support"), "queue.read on queue support", False),
        (("message", "send", "--all", "--text", "hello"), "text.send on switch", False),
        (("report", "queue", "support", "--since", "1h"), "report.read on queue support", False),
        (("stop",), "switch.run", True),
        (("audit", "list"), "audit.read", False),
    ):
        status, shown = people.run_as_maria(*wrong) if her_process else people.run(*wrong, who="maria")
        assert status == REFUSED, (wrong, status, shown)
        assert f"maria may not: missing right {right}" in shown and "softswitch whoami" in shown, shown
    status, shown = people.run("agent", "--json", who="maria")
    assert [view["agent"] for view in json.loads(shown)] == ["ana"]
    views = json.loads(people.run("agent", "--json")[1])
    assert {view["agent"]: view["status"] for view in views} == {"ana": "paused", "ben": "available"}
    rows = people.trail("--who", "maria")
    assert (rows[0]["act"], rows[0]["target"], rows[0]["result"]) == ("agent.pause", "agent:ana", "done")
    assert rows[0]["details"] == {"reason": "lunch"} and rows[0]["role"] == "supervisor"
    assert not IS_ROOT or rows[0]["origin"].startswith(f"user {USER} (uid 65534), pid ")
    assert [row["result"] for row in rows[1:]] == ["refused"] * 8
    assert rows[1]["why"] == "missing right: agent.pause on agent ben (role supervisor holds over team a)"


def _by_token(people: People) -> None:
    assert people.run("agent", "pause", "ben", "lunch", who="max")[0] == 0
    status, shown = people.run("agent", "resume", "ben", who="maria")
    assert status == REFUSED and "agent.resume on agent ben" in shown, "the token counts, not the user"
    status, shown = people.run("agent", who="stranger")
    assert status == REFUSED and "nobody has this token" in shown
    [row] = people.trail("--act", "agent.resume", "--result", "refused", "--surface", "control")
    assert (row["actor"], row["target"]) == ("maria", "agent:ben")


def _callers_who_wait(switch: Switch, people: People, folder: Path, events: int) -> None:
    """Two wait for ana, who pauses; one is put first, the other is moved."""
    waits = Scenario("caller", "34600000001", number="600").invite().connected().expect_bye()
    with Sipp(
        waits, folder / "waiting", remote=switch.sip, address=TRUNK_ADDRESS, calls=2, timeout_s=900
    ) as callers:
        seen = asyncio.run(_followed(people, events))
        wait_for(lambda: len(_waiting(people)) == 2, 30, "two who wait")
        first, second = [view["call"] for view in _waiting(people)]
        status, shown = people.run("calls", "move", first, "support", who="maria")
        assert status == REFUSED and "call.move on queue support" in shown
        assert people.run("calls", "priority", second, "7", who="maria")[0] == 0
        assert people.run("calls", "move", first, "support", who="max")[0] == 0
        wait_for(lambda: [view["call"] for view in _waiting(people)] == [second], 10, "the move")
        detail = json.loads(people.run("queue", "show", "support", "--json")[1])
        assert [caller["call"] for caller in detail["callers"]] == [first]
        for call in (first, second):
            assert people.run("calls", "hangup", call, who="max")[0] == 0
        assert callers.wait(60).exit_code == 0
    assert {each.get("queue") for each in seen if each.get("queue")} == {"sales"}
    acts = [(row["actor"], row["act"], row["result"]) for row in people.trail("--act", "call.*")]
    assert acts == [
        ("maria", "call.move", "refused"),
        ("maria", "call.priority", "done"),
        ("max", "call.move", "done"),
        *[("max", "call.hangup", "done")] * 2,
    ]


def _waiting(people: People) -> list[dict[str, Any]]:
    detail = json.loads(people.run("queue", "show", "sales", "--json")[1])
    callers: list[dict[str, Any]] = detail["callers"]
    return callers


async def _followed(people: People, port: int) -> list[dict[str, Any]]:
    """Events of a second, as maria; and without a token nothing."""
    address = f"http://127.0.0.1:{port}/v1/events"
    got: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as session:
        async with session.get(address, headers={"Authorization": "Bearer token of stranger"}) as refused:
            assert refused.status == 401
        for path, status in (("/metrics", 403), ("/health", 200)):
            shown = {"Authorization": "Bearer token of maria"}
            async with session.get(f"http://127.0.0.1:{port}{path}", headers=shown) as response:
                assert response.status == status
        async with session.ws_connect(address, params={"token": "token of maria", "since": "1"}) as socket:
            try:
                async with asyncio.timeout(10):
                    async for said in socket:
                        got.append(json.loads(said.data))
                        if sum(each["type"] == "queue.joined" for each in got) == 2:
                            break
            except TimeoutError:
                pass
    return got
