"""Voices of the running switch: built, warmed, told of a new configuration."""

from collections.abc import Iterable, Iterator

from softswitch.app.world import World
from softswitch.call.alarms import Alarms
from softswitch.call.boxes import Boxes
from softswitch.call.greetings import Greetings
from softswitch.call.people import people
from softswitch.call.pin_guard import PinGuard
from softswitch.call.speech import Speech
from softswitch.call.voice import Voice
from softswitch.clock import Clock
from softswitch.config import paths
from softswitch.config.flow import Set
from softswitch.config.language_node import Language
from softswitch.config.schema import Config
from softswitch.config.voice_nodes import Directory, Speak
from softswitch.errors import UnusableError
from softswitch.ivr.speak import fixed_text


def build_voice(config: Config, world: World, clock: Clock, alarms: Alarms, boxes: Boxes) -> Voice:
    """Without recognisers, which need the rest of the switch. Raises UnusableError."""
    folder = paths.speech(config)
    try:
        speech = Speech(config, folder, clock, alarms, world.speaker)
    except OSError as error:
        raise UnusableError(
            f"speech.directory {folder}: {error.strerror or error}; give this user the right to it, or name another"
        ) from error
    return Voice(speech, Greetings(paths.state_dir(config) / "greetings"), PinGuard(), boxes)


def warm(voice: Voice, config: Config) -> None:
    """Speak beforehand what every caller will hear alike."""
    voice.speech.warm(texts_ahead(config))


def texts_ahead(config: Config) -> Iterator[tuple[str, str]]:
    """Each text with a language in which it may be wanted."""
    nodes = [node for flow in config.flow.values() for node in flow.node.values()]
    fixed = [fixed_text(node.text) for node in nodes if isinstance(node, Speak)]
    names = [person.name for person in people(config)] if any(isinstance(n, Directory) for n in nodes) else []
    languages = tuple(_languages(config))
    for text in filter(None, (*fixed, *names)):
        for language in languages:
            yield text, language


def _languages(config: Config) -> Iterable[str]:
    """Those that callers of flows may have."""
    found: list[str] = [config.general.language]
    found += [route.language or "" for route in config.route.values()]
    found += [trunk.language or "" for trunk in config.trunk.values()]
    found += [
        node.language or ""
        for flow in config.flow.values()
        for node in flow.node.values()
        if isinstance(node, Set)
    ]
    for flow in config.flow.values():
        for node in flow.node.values():
            if isinstance(node, Language):
                found += [*node.prefixes.values(), *node.keys.values()]
    return dict.fromkeys(filter(None, found))
