"""Small pieces of configuration for tests, demo and benchmarks: a contact centre on loopback, as nested mappings.

Nothing waits longer than a test wants: no announcements, no wrap-up, no probing of trunks, unless a piece says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

TRUNK_ADDRESS = "127.0.0.10"
AGENT_ADDRESS = "127.0.0.20"


def trunk(address: str = TRUNK_ADDRESS, port: int = 5060, **more: Any) -> dict[str, Any]:
    """A provider known by the address its requests come from."""
    return {"host": f"sip:{address}:{port}", "match": [f"{address}/32"], "options_interval_s": 0, **more}


def phone(secret: str, **more: Any) -> dict[str, Any]:
    """A phone that registers."""
    return {"auth": {"secret": secret}, **more}


def desk(contact: str, **more: Any) -> dict[str, Any]:
    """A phone that does not register; `match=` says where its own requests come from."""
    return {"contact": contact, **more}


def agent(endpoint: str, **more: Any) -> dict[str, Any]:
    return {"endpoint": endpoint, "login": "on-start", **more}


def queue(members: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "strategy": "longest-idle", "wrapuptime": 0, "announce_position": False, "announce_holdtime": False,
        "announce_frequency": 0, "members": [{"agent": member} for member in members],
    }  # fmt: skip
    return {**base, **more}


def load_config(
    contacts: Mapping[str, str], *, record: bool, number: str = "600", max_calls: int = 5000
) -> dict[str, Any]:
    """One trunk, one queue, an agent for each contact: what the load runs against."""
    return {
        "general": {"max_calls": max_calls, "log_level": "warning"},
        "recording": {"encoding": "auto"},
        "trunk": {"carrier": trunk()},
        "endpoint": {name: desk(contact, max_calls=4) for name, contact in contacts.items()},
        "agent": {name: agent(name) for name in contacts},
        "queue": {"load": queue(tuple(contacts), record="always" if record else "never")},
        "route": {number: {"to": "queue:load", "source": ["trunk:carrier"]}},
    }
