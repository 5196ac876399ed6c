"""Proves the commands about rights: `audit` with its filters, `whoami`, `rights`, `calls pull|move|priority`; that a token
is read from where it was said to be; and that a refusal is status 4 with the missing right.

Does not prove what the switch makes of it; for that see `tests/story/test_rights_story.py`.
"""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_cli_commands import Served, served  # noqa: F401

from softswitch.api.rights_control import TrailSearch
from softswitch.cli.main import cli
from softswitch.config.acts import Act
from softswitch.config.queues import Agent
from softswitch.config.rights import ROLES, Person
from softswitch.config.schema import Config
from softswitch.config.teams import Team
from softswitch.testing.steering import CALL


def test_the_trail_with_every_filter(served: Served) -> None:  # noqa: F811
    shown = served.run("audit")
    assert shown.exit_code == 0 and "agent:ana" in shown.output and "refused" in shown.output
    filters = (
        "--who",
        "maria",
        "--act",
        "agent.*",
        "--on",
        "agent:ana",
        "--surface",
        "phone",
        "--limit",
        "5",
    )
    rows = json.loads(served.run("audit", "list", "--result", "refused", *filters, "--json").output)
    assert rows[0]["why"] == "missing right: agent.pause on agent ana" and rows[0]["details"] == {
        "reason": "lunch"
    }
    assert served.control.rights.searches[-1] == TrailSearch(
        actor="maria", act="agent.*", target="agent:ana", surface="phone", result="refused", limit=5
    )
    served.run("audit", "--since", "2h", "--until", "1h")
    search = served.control.rights.searches[-1]
    assert (
        search.since is not None
        and search.until is not None
        and search.until - search.since == pytest.approx(3600, abs=5)
    )
    assert served.run("audit", "list", "--result", "maybe").exit_code == 2


def test_who_one_is_and_what_roles_may(served: Served) -> None:  # noqa: F811
    who = served.run("whoami")
    assert who.exit_code == 0 and "administrator" in who.output and "agent.pause" in who.output
    assert json.loads(served.run("whoami", "--json").output)["rights"]["spy.barge"] == "all"
    roles = json.loads(CliRunner().invoke(cli, ["rights", "list", "--json"]).output)
    assert set(roles) == set(ROLES) and roles["administrator"]["acts"] == [act.value for act in Act]
    assert "spy.whisper" in CliRunner().invoke(cli, ["rights", "list"]).output


def test_a_token_and_its_line_for_the_configuration() -> None:
    lines = [CliRunner().invoke(cli, ["rights", "token"]).output.splitlines() for _ in range(2)]
    assert lines[0] != lines[1]
    for token, line in lines:
        word = token.removeprefix("token: ")
        assert len(word) == 43 and sha256(word.encode()).hexdigest() in line


def test_waiting_callers_are_pulled_moved_and_put_first(served: Served) -> None:  # noqa: F811
    orders = served.control.steering.commands
    for arguments, order, told in (
        (("calls", "pull", CALL), ("pull", CALL, ""), "rings at 1009"),
        (("calls", "pull", CALL, "1004"), ("pull", CALL, "1004"), "rings at 1004"),
        (("calls", "move", CALL, "support"), ("move", CALL, "support"), "waits in support"),
        (("calls", "priority", CALL, "5"), ("priority", CALL, 5), "priority 5"),
        (("calls", "priority", CALL, "-5"), ("priority", CALL, -5), "priority -5"),
    ):
        result = served.run(*arguments)
        assert result.exit_code == 0 and told in result.output, result.output
        assert orders[-1] == order
        assert json.loads(served.run(*arguments, "--json").output)["order"] == order[0]
    assert served.run("calls", "priority", CALL, "5000").exit_code == 2


@pytest.fixture
def of_team_b(served: Served, tmp_path: Path) -> Path:  # noqa: F811
    """The token of a supervisor who has nothing to do with ana."""
    served.control.rights.config = replace(
        Config(),
        agent={"ana": Agent(endpoint="1001"), "ben": Agent(endpoint="1002")},
        team={"a": Team(agents=("ana",)), "b": Team(agents=("ben",))},
        person={"max": Person(role="supervisor", teams=("b",), token_sha256=sha256(b"secret").hexdigest())},
    )
    token = tmp_path / "token"
    token.write_text("secret\n")
    return token


def test_a_refusal_is_status_4_and_names_the_right(served: Served, of_team_b: Path) -> None:  # noqa: F811
    proof = ("--token-file", str(of_team_b))
    refused = served.run("agent", "pause", "ana", "lunch", *proof)
    assert refused.exit_code == 4
    assert (
        "max may not: missing right agent.pause on agent ana (role supervisor holds over team b)"
        in refused.output
    )
    assert served.run("agent", "pause", "ben", *proof).exit_code == 1, "allowed, and nobody the fake knows"
    assert served.control.rights.rows == [
        ("max", "agent.pause", "agent ana", "refused"),
        ("max", "agent.pause", "agent ben", "failed"),
    ]
    of_team_b.write_text("wrong\n")
    assert served.run("agent", *proof).exit_code == 4
    of_team_b.write_text("")
    empty = served.run("agent", *proof)
    assert empty.exit_code == 1 and "is empty" in empty.output
    missing = served.run("agent", "--token-file", "/nowhere/token")
    assert missing.exit_code == 1 and "no token can be read from /nowhere/token" in missing.output
