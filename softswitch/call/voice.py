"""What voices need beside a call: texts that were spoken, greetings of boxes, who can be found by name, recognisers, and
whose wrong codes lock a box. One for the switch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.call.greetings import Greetings
from softswitch.call.people import PeopleBook
from softswitch.call.pin_guard import PinGuard
from softswitch.call.recognition import Recognition
from softswitch.call.speech import Speech
from softswitch.errors import StorageError
from softswitch.recorder.files import RecordingFolder

if TYPE_CHECKING:
    from softswitch.call.boxes import Boxes
    from softswitch.call.prompt_paths import PromptFinder

SPOKEN, GREETING, RECORDING = "spoken:", "greeting:", "recording:"
"""Beginnings of prompts' names that lead elsewhere than to the library of prompts: to a text by its key, to the greeting of
a box, to a recording by its path below their folder. No file of a library has such a name."""


class Voice:
    recognition: Recognition
    """Given once the rest of the switch is there."""

    def __init__(self, speech: Speech, greetings: Greetings, pins: PinGuard, boxes: "Boxes") -> None:
        self.speech = speech
        self.greetings = greetings
        self.pins = pins
        self.boxes = boxes
        self.people = PeopleBook()

    def prompts(self, library: "PromptFinder", files: RecordingFolder) -> "VoicePrompts":
        """A library that finds what is spoken and recorded, too."""
        return VoicePrompts(library, self, files)

    async def close(self) -> None:
        await self.recognition.close()
        await self.speech.close()


class VoicePrompts:
    def __init__(self, library: "PromptFinder", voice: Voice, files: RecordingFolder) -> None:
        self._library = library
        self._elsewhere: Mapping[str, Callable[[str], Path | None]] = {
            SPOKEN: voice.speech.path,
            GREETING: voice.greetings.find,
            # No method of its own: it would hold itself, and be freed by the collector only after a reload.
            RECORDING: partial(_recording, files),
        }

    def find(self, name: str, language: str) -> Path | None:
        if ":" not in name:
            return self._library.find(name, language)
        kind, colon, rest = name.partition(":")
        found = self._elsewhere.get(kind + colon)
        return found(rest) if found is not None else None


def _recording(files: RecordingFolder, name: str) -> Path | None:
    try:
        path = files.path(name)
    except StorageError:
        return None
    return path if path.is_file() else None
