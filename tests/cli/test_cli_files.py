"""Proves the commands that work on files: `config check` and its exit statuses, `config show` without secrets,
`user add` and `user secrets`, and the flow commands on the sample.

Does not prove what is wrong with which configuration; that is tests/config.
"""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from softswitch.cli.main import cli

SAMPLE = Path(__file__).parents[2] / "config/softswitch.toml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "softswitch.toml"
    file.write_text(SAMPLE.read_text())
    return file


def test_check_of_the_sample_passes_and_warns_of_secrets_to_be_made(config: Path) -> None:
    result = run("config", "check", str(config))
    assert result.exit_code == 0, result.output
    assert "no problems" in result.output
    assert run("config", "check", "--strict", str(config)).exit_code == 1
    assert run("user", "secrets", "--config", str(config)).exit_code == 0
    (config.parent / "secrets/south").touch(mode=0o600)
    (config.parent / "secrets/south").write_text("from the provider\n")
    strict = run("config", "check", "--strict", str(config))
    assert strict.exit_code == 0, strict.output


def test_check_tells_every_problem_and_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[sip]\nrealn = "x"\n[queue.a]\non_full = "queue:b"\n')
    result = run("config", "check", str(wrong))
    assert result.exit_code == 1
    assert f"{wrong}:2: sip.realn: is no key here; did you mean 'realm'?" in result.output
    assert f"{wrong}:4: queue.a.on_full: there is no queue 'b'" in result.output
    assert "2 problems" in result.output
    told = json.loads(run("config", "check", "--json", str(wrong)).output)
    assert [problem["line"] for problem in told["problems"]] == [2, 4]


def test_check_of_no_file_fails() -> None:
    result = run("config", "check", "/nonexistent/softswitch.toml")
    assert result.exit_code == 1
    assert "/nonexistent/softswitch.toml: cannot be read: No such file or directory" in result.output


def test_check_finds_faults_of_flows_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[flow.m]\nstart = "a"\n[flow.m.node.a]\ndo = "play"\nprompt = "welcome"\nnext = "b"\n')
    result = run("config", "check", str(file))
    assert result.exit_code == 1
    assert f"{file}:6: flow.m.node.a.next: there is no node 'b'" in result.output


def test_show_fills_in_defaults_and_hides_secrets(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        '[endpoint.1001]\nauth = { secret = "hunter2" }\n[agent.a]\nendpoint = "1001"\npin = "4711"\n'
    )
    text = run("config", "show", str(file)).output
    assert "sip.t1_ms = 500" in text
    assert "hunter2" not in text
    assert "4711" not in text
    shown = json.loads(run("config", "show", "--json", str(file)).output)
    assert shown["endpoint"]["1001"]["auth"]["secret"] == "(hidden)"


def test_user_add_makes_a_phone_that_loads(config: Path) -> None:
    result = run("user", "add", "1011", "--name", 'Jo "J" Ruiz', "--agent", "--config", str(config))
    assert result.exit_code == 0, result.output
    secret = config.parent / "secrets/1011"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text().strip() in result.output
    shown = json.loads(run("config", "show", "--json", str(config)).output)
    assert shown["endpoint"]["1011"]["display_name"] == 'Jo "J" Ruiz'
    assert shown["agent"]["1011"]["endpoint"] == "1011"
    again = run("user", "add", "1011", "--config", str(config))
    assert again.exit_code == 1
    assert "is defined already" in again.output


def test_flow_commands(config: Path, tmp_path: Path) -> None:
    arguments = ("--config", str(config))
    checked = run("ivr", "check", *arguments)
    assert checked.exit_code == 0, checked.output
    assert "no problems" in checked.output
    assert "main" in run("ivr", "show", *arguments).output
    assert "greeting" in run("ivr", "show", "main", *arguments).output
    assert json.loads(run("ivr", "show", "--json", *arguments).output)["main"]["start"] == "hours"
    assert run("ivr", "draw", "main", "--format", "dot", *arguments).output.startswith("digraph")
    picture = tmp_path / "main.svg"
    assert run("ivr", "draw", "main", "--output", str(picture), *arguments).exit_code == 0
    assert "<svg" in picture.read_text()
    assert run("ivr", "draw", "other", *arguments).exit_code == 1
