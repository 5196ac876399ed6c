"""`softswitch why` and `why-idle` against a real API server: text, JSON, and what is not known."""

import json

import pytest
from test_cli_commands import Served, served  # noqa: F401


def test_why_tells_each_line_with_its_time(served: Served) -> None:  # noqa: F811
    done = served.run("why", "c1")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("offered to ana by longest-idle: idle 45 s; not kate: paused (lunch)")
    assert json.loads(served.run("why", "c1", "--json").output)["lines"][0]["text"].startswith("came from")


def test_why_idle_tells_the_reason_first_and_what_changed_last(served: Served) -> None:  # noqa: F811
    done = served.run("why-idle", "kate")
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "kate: paused (lunch), since 12:30 ago"
    assert "was idle until then, for 90 s" in done.output
    assert json.loads(served.run("why-idle", "kate", "--json").output)["reason"] == "lunch"


@pytest.mark.parametrize("command", [("why", "nothing"), ("why-idle", "nobody")])
def test_what_is_not_known_is_said(served: Served, command: tuple[str, str]) -> None:  # noqa: F811
    done = served.run(*command)
    assert done.exit_code == 1
    assert f"called '{command[1]}'" in done.output
