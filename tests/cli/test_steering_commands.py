"""Proves the commands and routes of supervision, transfers and conferences: what they print as text and as JSON, what they
ask of the switch, and that a refusal says why.

Does not prove what the switch makes of it; for that see `tests/story`.
"""

import json

import pytest
from test_cli_commands import Served, served  # noqa: F401

from softswitch.api.steering_control import AuditSearch, SuperviseWish
from softswitch.testing.steering import CALL, SUPERVISION

READING = [
    (("supervise",), "whisper"),
    (("supervise", "list"), "endpoint:1009"),
    (("supervise", "audit", "--agent", "ana"), "listen, whisper"),
    (("calls", "audit", "--since", "7d"), "talk over"),
    (("conference",), "team"),
    (("conference", "show", "team"), "moderator"),
]


@pytest.mark.parametrize(("arguments", "shown"), READING)
def test_reading_commands_print_text_and_json(
    served: Served,  # noqa: F811
    arguments: tuple[str, ...],
    shown: str,
) -> None:
    result = served.run(*arguments)
    assert result.exit_code == 0 and shown in result.output, result.output
    if len(arguments) > 1:
        assert json.loads(served.run(*arguments, "--json").output)


def test_commands_do_what_they_say(served: Served) -> None:  # noqa: F811
    orders = served.control.steering.commands
    for arguments, order in (
        (("calls", "transfer", CALL, "queue:sales"), ("transfer", CALL, "queue:sales", "")),
        (("calls", "consult", CALL, "agent:eva", "--by", "callee"), ("consult", CALL, "agent:eva", "callee")),
        (("calls", "back", CALL), ("back", CALL)),
        (("calls", "three-way", CALL), ("three-way", CALL)),
        (
            ("supervise", "start", "1009", "ana", "--mode", "whisper", "--once"),
            ("supervise", SuperviseWish(phone="1009", agent="ana", mode="whisper", follow=False)),
        ),
        (
            ("supervise", "start", "1009", "--call", CALL),
            ("supervise", SuperviseWish(phone="1009", call=CALL)),
        ),
        (("supervise", "mode", SUPERVISION, "take-over"), ("mode", SUPERVISION, "take-over")),
        (("supervise", "stop", SUPERVISION), ("end", SUPERVISION)),
        (
            ("supervise", "audit", "--call", CALL, "--limit", "5"),
            ("audit", AuditSearch(call=CALL, limit=5)),
        ),
        (("conference", "lock", "team"), ("lock", "team")),
        (("conference", "unlock", "team"), ("unlock", "team")),
        (("conference", "mute", "team", CALL), ("mute", "team", CALL)),
        (("conference", "unmute", "team", CALL), ("unmute", "team", CALL)),
        (("conference", "kick", "team", CALL), ("kick", "team", CALL)),
    ):
        result = served.run(*arguments)
        assert result.exit_code == 0, result.output
        assert orders[-1] == order


def test_refusals_say_why_and_what_to_do(served: Served) -> None:  # noqa: F811
    refused = served.run("calls", "complete", CALL)
    assert refused.exit_code == 1
    assert f"call {CALL} consults nobody" in refused.output and "softswitch calls consult" in refused.output
    assert served.run("conference", "show", "nowhere").exit_code == 1
    assert served.run("supervise", "mode", SUPERVISION, "shout").exit_code == 2
