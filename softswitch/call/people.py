"""Who can be found by name: agents by their names, phones by theirs; made once for each configuration."""

from collections.abc import Mapping

from softswitch.config.schema import Config
from softswitch.config.voice_nodes import Directory
from softswitch.ivr.voice_actions import Person
from softswitch.ivr.words import name_keys


class PeopleBook:
    def __init__(self) -> None:
        self._of: tuple[object, object, object] | None = None
        self._people: tuple[Person, ...] = ()

    def of(self, config: Config) -> tuple[Person, ...]:
        """Nobody while no flow has a directory."""
        made_of = (config.flow, config.agent, config.endpoint)
        if self._of is None or any(old is not new for old, new in zip(self._of, made_of, strict=True)):
            self._of, self._people = made_of, people(config) if _has_directory(config) else ()
        return self._people


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
