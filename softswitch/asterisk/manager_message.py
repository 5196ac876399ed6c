"""Messages of the manager interface: `Key: value` lines that an empty line ends, as Asterisk reads and writes them.

Owns their bytes and bounds. A client may end lines by CR LF or LF alone; keys are compared without regard to case.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from softswitch.errors import PeerError

MAX_LINE_BYTES = 1024
MAX_LINES = 64
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_VALUE = 256

Fields = Iterable[tuple[str, object]]


class TooMuch(PeerError):
    """A client sends what no action can be."""


@dataclass(frozen=True, slots=True)
class Action:
    fields: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str:
        """The first value of that name; empty: there is none."""
        wanted = key.lower()
        return next((value for name, value in self.fields if name.lower() == wanted), "")

    @property
    def name(self) -> str:
        return self.get("Action")

    @property
    def action_id(self) -> str:
        return self.get("ActionID")


class ActionReader:
    def __init__(self) -> None:
        self._buffer = b""
        self._fields: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> list[Action]:
        """The actions that are complete by now. Raises `TooMuch`."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_LINE_BYTES:
            raise TooMuch("a line is too long")
        found: list[Action] = []
        for line in lines:
            self._line(line.removesuffix(b"\r"), found)
        return found

    def _line(self, line: bytes, found: list[Action]) -> None:
        if len(line) > MAX_LINE_BYTES or len(self._fields) >= MAX_LINES:
            raise TooMuch("a line is too long, or there are too many of them")
        if line:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            self._fields.append((name.strip(), value.strip()))
        elif self._fields:
            found.append(Action(tuple(self._fields)))
            self._fields = []


def message(fields: Fields) -> bytes:
    """No value can end its line, nor the message."""
    lines = [f"{name}: {_safe(value)}\r\n" for name, value in fields]
    return ("".join(lines) + "\r\n").encode("utf-8", "replace")


def _safe(value: object) -> str:
    return _UNSAFE.sub(" ", str(value))[:_LONGEST_VALUE]
