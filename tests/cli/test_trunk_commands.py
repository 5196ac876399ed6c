"""Proves the commands about calls out: what they print as text and as JSON, and what a refusal says.

Does not prove what the switch answers; for that see `tests/story`.
"""

import json

import pytest
from test_cli_commands import Served, served  # noqa: F401

READING = [
    (("trunk", "groups"), "priority"),
    (("trunk", "dead"), "192.0.2.7"),
    (("route", "test", "9911234567"), "route _9. leads to trunk:out"),
    (("route", "test", "9911234567", "--from", "1001"), "it is down"),
    (("fraud", "show"), "destinations 34803 are blocked"),
]


@pytest.mark.parametrize(("arguments", "shown"), READING)
def test_text_and_json(served: Served, arguments: tuple[str, ...], shown: str) -> None:  # noqa: F811
    result = served.run(*arguments)
    assert result.exit_code == 0 and shown in result.output, result.output
    assert json.loads(served.run(*arguments, "--json").output)


def test_an_unknown_caller_is_told(served: Served) -> None:  # noqa: F811
    result = served.run("route", "test", "9911234567", "--from", "9999")
    assert result.exit_code == 1
    assert "9999" in result.output and "write a phone" in result.output


def test_a_route_test_needs_a_number(served: Served) -> None:  # noqa: F811
    assert served.run("route", "test").exit_code == 2
