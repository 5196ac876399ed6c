"""Proves: `ivr try` plays a flow from the files by typed keys, passing time, faked and really done lookups, tells why each
turn was taken and ends with what became of the caller; `calendar show` and `list` tell open or closed and why; `ivr check`
names file faults of expressions by their key; `ivr versions`, `rollback` and `release` ask the switch for the right thing.

Does not prove: the steps themselves (tests/ivr).
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from test_cli_commands import Served, served  # noqa: F401

from softswitch.cli.main import cli

FLOW = """
[queue.gold]
members = [{ agent = "ana" }]
[queue.basic]
members = [{ agent = "ana" }]
[agent.ana]
endpoint = "1001"
[endpoint.1001]
contact = "sip:1001@192.0.2.7"

[routing]
flow_headers = ["X-Customer"]

[calendar.office]
timezone = "Europe/Madrid"
hours = { mon-fri = "09:00-14:00" }
table = "days.csv"

[lookup.crm]
database = "sqlite:///{folder}/crm.db"
sql = "SELECT tier, points FROM customer WHERE number = :number"
results = { tier = "tier", points = "points as number" }

[flow.main]
start = "hours"
[flow.main.node.hours]
do = "branch"
on = "hours"
calendar = "office"
cases = { open = "who" }
default = "bye"
[flow.main.node.who]
do = "call"
flow = "identify"
give = { number = "last(ani, 3)" }
take = { tier = "tier", points = "points" }
results = { known = "menu" }
next = "basic"
[flow.main.node.menu]
do = "menu"
prompt = "menu"
keys = { 1 = "judge", 2 = "ring" }
timeout_s = 4.0
retries = 0
on_timeout = "basic"
on_failure = "bye"
[flow.main.node.judge]
do = "branch"
on = "condition"
cases = { "tier == 'gold' and points > 10" = "gold" }
default = "basic"
[flow.main.node.gold]
do = "set"
priority = "points * 2"
next = "queue"
[flow.main.node.queue]
do = "enqueue"
queue = "{tier}"
[flow.main.node.basic]
do = "enqueue"
queue = "basic"
[flow.main.node.ring]
do = "dial"
target = "extension:1001"
on_busy = "bye"
next = "basic"
[flow.main.node.bye]
do = "hangup"
cause = "busy"

[flow.identify]
start = "ask"
[flow.identify.node.ask]
do = "lookup"
lookup = "crm"
next = "yes"
on_none = "no"
on_error = "no"
[flow.identify.node.yes]
do = "return"
result = "known"
[flow.identify.node.no]
do = "return"
result = "unknown"
"""
MONDAY = "2026-05-04T10:00:00+02:00"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "softswitch.toml"
    file.write_text(FLOW.replace("{folder}", str(tmp_path)))
    (tmp_path / "days.csv").write_text("date,hours,reason\n2026-05-05,closed,moving house\n")
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        connection.execute("CREATE TABLE customer (number TEXT, tier TEXT, points INTEGER)")
        connection.execute("INSERT INTO customer VALUES ('001', 'gold', 12)")
        connection.commit()
    return file


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=typed)


def tried(config: Path, *more: str, typed: str | None = None) -> list[str]:
    """What `ivr try` prints, each line without its leading blanks."""
    result = run("ivr", "try", "main", "--config", str(config), "--at", MONDAY, *more, typed=typed)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


def test_a_flow_is_played_with_a_lookup_that_is_really_done(config: Path) -> None:
    lines = tried(config, "--ani", "+34600000001", "--keys", ",1")
    assert lines[0] == "0.0 ● main.hours (branch)"
    assert "0.0 because calendar office is open: mon is open 09:00-14:00" in lines
    assert "0.0 because into flow identify with number = '001'" in lines
    assert "0.0 ? crm(number = '001')" in lines
    assert "0.0 ? found: tier = 'gold', points = 12" in lines
    assert "0.0 because returns known, back to main.who" in lines
    assert any(line.endswith("♪ menu [en]") for line in lines)
    assert any(
        "because tier == 'gold' and points > 10 holds (points = 12, tier = 'gold')" in line for line in lines
    )
    assert lines[-1].endswith("■ enqueue queue=gold priority=24")


def test_lookups_are_faked_and_time_passes(config: Path) -> None:
    late = tried(config, "--lookup", "crm=timeout")
    assert "0.0 ? timeout (faked)" in late and late[-1].endswith("■ enqueue queue=basic")
    silent = tried(config, "--lookup", 'crm={"tier": "x", "points": "3"}', "--keys", ",,")
    assert any("⏱ 4 s pass without a key" in line for line in silent)
    assert any("because no key → basic" in line for line in silent)
    poor = tried(config, "--lookup", 'crm={"tier": "x", "points": "3"}', "--keys", "1")
    assert any("does not hold (points = 3, tier = 'x')" in line for line in poor)
    assert any("because no condition holds" in line for line in poor)


def test_keys_are_typed_and_results_of_dials_given(config: Path) -> None:
    lines = tried(config, "--lookup", 'crm={"tier": "x"}', typed="\n2\nbusy\n")
    assert any("dial target=extension:1001" in line for line in lines)
    assert lines[-1].endswith("■ hangup cause=busy")
    closed = run("ivr", "try", "main", "--config", str(config), "--at", "2026-05-05T10:00:00+02:00", "--json")
    told = json.loads(closed.output)
    assert [line["kind"] for line in told] == ["node", "why", "node", "end"]
    assert told[1]["text"] == "calendar office is closed, a holiday: 2026-05-05 is closed: moving house"


def test_what_cannot_be_tried(config: Path) -> None:
    assert "there is no flow 'mian'" in run("ivr", "try", "mian", "--config", str(config)).output
    bad = run("ivr", "try", "main", "--config", str(config), "--at", MONDAY, "--lookup", "crm=maybe")
    assert bad.exit_code == 1 and "neither none, timeout, error nor JSON" in bad.output
    known = ("--at", MONDAY, "--ani", "+34600000001")
    wrong = run("ivr", "try", "main", "--config", str(config), *known, "--keys", "x")
    assert wrong.exit_code == 1 and "is no key of a phone" in wrong.output


def test_faults_of_expressions_have_file_line_and_key(config: Path) -> None:
    config.write_text(config.read_text().replace('priority = "points * 2"', 'priority = "tier * 2"'))
    line = config.read_text().splitlines().index('priority = "tier * 2"') + 1
    result = run("config", "check", str(config))
    assert result.exit_code == 1
    assert (
        f"{config}:{line}: flow.main.node.gold.priority: '*' takes a number, and this is a text; number(…) makes one"
        in result.output
    )


def test_calendars_tell_why(config: Path) -> None:
    shown = run("calendar", "show", "office", "--config", str(config), "--at", MONDAY)
    assert shown.output.splitlines() == [
        "office is open at Mon 2026-05-04 10:00 CEST: mon is open 09:00-14:00",
        "it closes Mon 2026-05-04 14:00 CEST",
    ]
    listed = run("calendar", "list", "--config", str(config), "--at", "2026-05-05T10:00:00+02:00", "--json")
    (told,) = json.loads(listed.output)
    assert (told["state"], told["why"]) == ("closed", "2026-05-05 is closed: moving house")
    assert told["until"] == "Wed 2026-05-06 09:00 CEST"
    local = run("calendar", "show", "office", "--config", str(config), "--at", "2026-05-04T13:59")
    assert local.output.startswith("office is open at Mon 2026-05-04 13:59 CEST")
    never = run("calendar", "show", "office", "--config", str(config), "--at", "2026-99-04")
    assert never.exit_code == 1 and "is no time" in never.output
    assert "there is no calendar 'offic'" in run("calendar", "show", "offic", "--config", str(config)).output


def test_versions_and_roll_backs(served: Served) -> None:  # noqa: F811
    listed = served.run("ivr", "versions", "main")
    assert listed.exit_code == 0, listed.output
    told = json.loads(served.run("ivr", "versions", "--json").output)
    assert [(each["version"], each["live"], each["calls"]) for each in told[0]["versions"]] == [
        (1, False, 1),
        (2, True, 2),
    ]
    back = served.run("ivr", "rollback", "main")
    assert back.output == "new calls get version 1 of flow main (rolled back)\n"
    assert served.run("ivr", "rollback", "main", "--to", "1").exit_code == 0
    assert "as in the files" in served.run("ivr", "release", "main").output
    wishes = [(flow, wish.version) for flow, wish in served.control.flows.wishes]
    assert wishes == [("main", None), ("main", 1), ("main", 0)]
    assert served.run("ivr", "versions", "other").exit_code == 1
