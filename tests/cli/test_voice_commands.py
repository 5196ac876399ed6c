"""Proves the commands of boxes and surveys: what they print as text and as JSON, and that a refusal says why.

Does not prove what the switch makes of it; for that see `tests/story/test_voicemail_story.py`.
"""

import json

import pytest
from test_cli_commands import Served, served  # noqa: F401

from softswitch.testing.events import MESSAGE


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("voicemail", "list"), "waiting after 2 tries"),
        (("voicemail", "list", "--box", "sales", "--new"), "+34600000001"),
        (("voicemail", "show", "m1"), "451 later"),
        (("voicemail", "delete", MESSAGE), "deleted"),
        (("survey", "report", "--by", "agent"), "4.50"),
        (("survey", "list", "--queue", "sales"), "content"),
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


def test_what_is_not_there_is_refused(served: Served) -> None:  # noqa: F811
    result = served.run("voicemail", "show", "none")
    assert result.exit_code != 0 and "no message is called 'none'" in result.output
    assert served.run("survey", "report", "--by", "nothing").exit_code != 0
