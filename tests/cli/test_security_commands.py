"""Proves `softswitch security` and its routes: what they print as text and as JSON, what they ask of the switch, that a
refusal says why, and that the metrics have the figures.

Does not prove what the switch makes of it; for that see `tests/app/test_security_desk.py`.
"""

import json

from test_cli_commands import Served, served  # noqa: F401

from softswitch.api.security_control import BanWish
from softswitch.testing.security import BANNED


def test_show_prints_bans_and_load(served: Served) -> None:  # noqa: F811
    for arguments in (("security",), ("security", "show")):
        result = served.run(*arguments)
        assert result.exit_code == 0, result.output
        assert BANNED in result.output and "wrong password" in result.output and "high" in result.output
    view = json.loads(served.run("security", "show", "--json").output)
    assert view["bans"][0]["address"] == BANNED and view["counts"]["bans"] == 1
    assert json.loads(served.run("security", "--json").output) == view


def test_ban_and_unban(served: Served) -> None:  # noqa: F811
    orders = served.control.security.commands
    result = served.run("security", "ban", "203.0.113.0/24", "--for", "2h", "--why", "a scan")
    assert result.exit_code == 0 and "203.0.113.0/24 is banned until" in result.output
    assert orders[-1] == ("ban", BanWish(address="203.0.113.0/24", seconds=7200.0, why="a scan"))
    assert (
        json.loads(served.run("security", "ban", "2001:db8::1", "--json").output)["address"] == "2001:db8::1"
    )
    assert orders[-1] == ("ban", BanWish(address="2001:db8::1"))
    assert f"{BANNED} is heard again" in served.run("security", "unban", BANNED).output
    assert orders[-1] == ("unban", BANNED)
    refused = served.run("security", "unban", "203.0.113.77")
    assert refused.exit_code == 1 and "is not banned" in refused.output
