"""Who can be found by name: agents by their names, phones by theirs; made once for each configuration."""

from collections import deque
from collections.abc import Mapping

from softswitch.config.schema import Config
from softswitch.config.voice_nodes import Directory
from softswitch.ivr.voice_actions import Person
from softswitch.ivr.words import name_keys

MOST_KEPT = 4
"""Configurations whose people are known: after a reload calls of the old one and of the new one ask in turns."""


class PeopleBook:
    def __init__(self) -> None:
        self._kept: deque[tuple[tuple[object, ...], tuple[Person, ...]]] = deque(maxlen=MOST_KEPT)

    def of(self, config: Config) -> tuple[Person, ...]:
        """Nobody while no flow has a directory."""
        made_of = (config.flow, config.agent, config.endpoint)
        for known, found in self._kept:
            if all(old is new for old, new in zip(known, made_of, strict=True)):
                return found
        made = people(config) if _has_directory(config) else ()
        self._kept.appendleft((made_of, made))
        return made


def people(config: Config) -> tuple[Person, ...]:
    """An agent's own phone is left out when it has his name."""
    agents = _named("agent:", {name: agent.name for name, agent in config.agent.items()})
    theirs = {(agent.endpoint, agent.name) for agent in config.agent.values()}
    phones = {
        name: phone.display_name
        for name, phone in config.endpoint.items()
        if (name, phone.display_name) not in theirs
    }
    return (*agents, *_named("extension:", phones))


def _named(kind: str, names: Mapping[str, str]) -> tuple[Person, ...]:
    return tuple(
        Person(name=name, target=kind + target, keys=name_keys(name))
        for target, name in names.items()
        if name
    )


def _has_directory(config: Config) -> bool:
    return any(isinstance(node, Directory) for flow in config.flow.values() for node in flow.node.values())
