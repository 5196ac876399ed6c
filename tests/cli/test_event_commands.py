"""Proves the commands of subscriptions and messages: what they print as text and as JSON, what they ask of the switch, that
a refusal says why; and that metrics have the figures.

Does not prove what the switch makes of it; for that see `tests/story/test_watch_story.py`.
"""

import json

import pytest
from test_cli_commands import Served, served  # noqa: F401

from softswitch.api.metrics import Metrics
from softswitch.testing.control import FakeControl
from softswitch.testing.events import MESSAGE


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("subscriptions", "show"), "endpoint:1001"),
        (("subscriptions", "figures"), "NOTIFYs"),
        (("message", "list"), MESSAGE),
        (("message", "boxes"), "sales"),
        (("message", "mark", MESSAGE), "heard"),
        (("message", "delete", MESSAGE), "deleted"),
    ],
)
def test_commands_print_text_and_json(
    served: Served,  # noqa: F811
    arguments: tuple[str, ...],
    shown: str,
) -> None:
    result = served.run(*arguments)
    assert result.exit_code == 0 and shown in result.output, result.output
    assert json.loads(served.run(*arguments, "--json").output)


def test_commands_do_what_they_say(served: Served) -> None:  # noqa: F811
    for arguments, order in (
        (("message", "list", "--box", "sales", "--new"), ("messages", "sales", True, 50)),
        (("message", "list", "--old", "--limit", "3"), ("messages", "", False, 3)),
        (("message", "mark", MESSAGE), ("mark", MESSAGE, True)),
        (("message", "mark", MESSAGE, "--new"), ("mark", MESSAGE, False)),
        (("message", "delete", MESSAGE), ("delete", MESSAGE)),
    ):
        assert served.run(*arguments).exit_code == 0
        assert served.control.events.commands[-1] == order


def test_a_message_that_is_not_there_is_refused(served: Served) -> None:  # noqa: F811
    result = served.run("message", "delete", "none")
    assert result.exit_code != 0
    assert "no message is called 'none'" in result.output


def test_metrics_have_the_figures() -> None:
    text = Metrics(FakeControl()).text().decode()
    assert 'softswitch_subscriptions{package="dialog"} 1.0' in text
    assert "softswitch_notifies_total 14.0" in text
    assert 'softswitch_subscriptions_refused_total{code="403"} 1.0' in text
    assert 'softswitch_messages_new{box="sales"} 1.0' in text
