"""Proves what `softswitch events` prints, as text and as JSON.

Does not prove a feed that goes on: tests/interop/test_feeds.py has one.
"""

import json

from test_cli_commands import Served, served  # noqa: F401


def test_events_are_followed(served: Served) -> None:  # noqa: F811
    result = served.run("events", "follow", "--since", "1")
    assert result.exit_code == 0
    assert "(events 1 to 2 are kept)" in result.output
    assert "2 queue.joined queue=sales" in result.output and " 1 queue.joined" not in result.output
    lines = [json.loads(line) for line in served.run("events", "follow", "--json").output.splitlines()]
    assert [line.get("seq") for line in lines] == [None, 1, 2]


def test_listeners(served: Served) -> None:  # noqa: F811
    result = served.run("events", "listeners")
    assert result.exit_code == 0
    assert "1 follow" in result.output and "crm" in result.output and "failing" in result.output
    assert json.loads(served.run("events", "listeners", "--json").output)["webhooks"][0]["lost"] == 1
