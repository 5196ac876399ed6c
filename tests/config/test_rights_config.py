"""Proves that tables of rights are checked when they are read: roles, teams, queues, agents and phones that do not exist,
acts that nobody knows, tokens that are none, two people who would be one, and those who could never do anything; each with
its key. And that what is right is taken without a word.

Does not prove what rights allow; for that see `tests/api/test_rights_matrix.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from softswitch.config.loader import load
from softswitch.config.problem import ConfigError
from tools.peers.toml_text import to_toml

DIGEST = "ab" * 32
GOOD: dict[str, Any] = {
    "endpoint": {"1001": {"contact": "sip:1001@192.0.2.1"}, "1009": {"contact": "sip:1009@192.0.2.9"}},
    "agent": {"ana": {"endpoint": "1001"}},
    "queue": {"sales": {"members": [{"agent": "ana"}]}},
    "team": {"front": {"agents": ["ana"], "queues": ["sales"]}},
    "role": {"coach": {"may": ["spy.*", "queue.read"]}},
    "person": {
        "maria": {
            "role": "supervisor",
            "teams": ["front"],
            "endpoints": ["1009"],
            "unix_users": ["maria"],
            "token_sha256": DIGEST,
            "pin": "4711",
        },
        "kim": {"role": "coach", "queues": ["sales"], "unix_users": ["kim"]},
        "board": {"role": "wallboard", "teams": ["front"]},
    },
    "webhook": {"crm": {"url": "https://crm.example/x", "person": "board"}},
}


def problems(folder: Path, changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Key and message of each problem and warning."""
    given = {section: dict(table) for section, table in GOOD.items()}
    for (section, name), value in changes.items():
        given.setdefault(section, {})[name] = value
    file = folder / "softswitch.toml"
    file.touch(mode=0o600)
    file.write_text(to_toml(given))
    try:
        loaded = load(file)
    except ConfigError as error:
        return [(problem.key, problem.message) for problem in error.problems]
    return [(problem.key, problem.message) for problem in loaded.warnings]


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    assert problems(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("person", "key", "message"),
    [
        ({"role": "boss", "teams": ["front"], "unix_users": ["x"]}, "role", "there is no role 'boss'"),
        ({"role": "supervisor", "teams": ["back"], "unix_users": ["x"]}, "teams", "there is no team 'back'"),
        ({"role": "supervisor", "queues": ["x"], "unix_users": ["x"]}, "queues", "there is no queue 'x'"),
        ({"role": "agent", "agent": "bob"}, "agent", "there is no agent 'bob'"),
        ({"role": "coach", "queues": ["sales"], "endpoints": ["9"]}, "endpoints", "there is no endpoint '9'"),
        ({"role": "auditor", "unix_users": ["maria"]}, "unix_users", "has 'maria', as maria does"),
        ({"role": "auditor", "endpoints": ["1009"]}, "endpoints", "has '1009', as maria does"),
        ({"role": "auditor", "token_sha256": DIGEST}, "token_sha256", "has the same token, as maria does"),
        ({"role": "auditor", "token_sha256": "secret"}, "token_sha256", "is no SHA-256 in hex"),
        ({"role": "auditor", "unix_users": ["x"], "pin": "12*4"}, "pin", "12*4"),
        ({"role": "supervisor", "unix_users": ["x"]}, "", "of no team and no queue"),
        ({"role": "agent", "unix_users": ["x"]}, "agent", "is needed: his role holds for himself only"),
        ({"role": "auditor"}, "", "can be nobody"),
    ],
)
def test_people_who_are_wrong(tmp_path: Path, person: dict[str, Any], key: str, message: str) -> None:
    found = problems(tmp_path, {("person", "eve"): person})
    assert len(found) == 1, found
    assert found[0][0].startswith("person.eve" + (f".{key}" if key else "")) and message in found[0][1]


def test_acts_that_nobody_knows_and_feeds_of_nobody(tmp_path: Path) -> None:
    [(key, message)] = problems(tmp_path, {("role", "x"): {"may": ["agent.pause", "agent.paws"]}})
    assert key.startswith("role.x.may") and "'agent.paws' is no act" in message
    hook = {"url": "https://crm.example/x", "person": "bord"}
    [(key, message)] = problems(tmp_path, {("webhook", "crm"): hook})
    assert (key, message) == ("webhook.crm.person", "there is no person 'bord'")
