"""Header fields of a message: an ordered multi-dict, names without regard to case, compact forms understood.

Received lines are kept and written byte for byte, folds included; only what is set here is written in the long form.
Bytes that are no UTF-8 survive as surrogates. What we set may hold no CR, LF or NUL (RFC 3261 sections 7.3 and 20).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import MAX_PIECES, is_unsafe, split
from softswitch.sip.header_names import BEGINNINGS, KEYS, beginning_of, header_key, long_name, remembered_key

MAX_LINES = 256

_BLANK_OR_FOLD = " \t\r\n"

T = TypeVar("T")

_Index = tuple[list[str], list[str], dict[str, str]]
"""Folded long name of each line, the lines, and the first value of each name."""


class Headers:
    """`get` and its like give values without folds and outer white space. `parsed` remembers typed values until their
    header changes."""

    __slots__ = ("_first", "_lines", "keys", "remembered")

    def __init__(
        self, items: Iterable[tuple[str, str]] = (), remembered: Mapping[str, Any] | None = None
    ) -> None:
        """`remembered`: typed values of these items that whoever makes them has in hand."""
        self.keys: list[str] = []
        """The folded long name of each line, in order; for reading only."""
        self._lines: list[str] = []
        self._first: dict[str, str] | None = None
        """Of what was received: the first value of each name."""
        self.remembered: dict[str, Any] = {}
        """Typed values that have been read, by folded long name (lists: with `[]` behind it); for reading only."""
        if items:
            self.extend(items)
        if remembered is not None:
            self.remembered.update(remembered)

    @classmethod
    def parse(cls, text: str, *, salvage: bool = False) -> "Headers":
        """All lines of a head behind the start line. With `salvage`, lines that cannot be read are left out."""
        self = cls.__new__(cls)
        self.keys, self._lines, self._first = _index_usual(text) or _index(text, salvage)
        self.remembered = {}
        return self

    def __str__(self) -> str:
        """The lines as they go on the wire, each with its CRLF."""
        return "\r\n".join(self._lines) + "\r\n" if self._lines else ""

    def below(self, start_line: str) -> str:
        """The head of a message, its empty line included."""
        return "\r\n".join([start_line, *self._lines, "", ""])

    def first_values(self) -> Mapping[str, str]:
        """The first value of each header, by folded long name; for reading only."""
        first = self._first
        if first is None:
            first = _first_of(self.keys, self._lines)
        return first

    def copy(self) -> "Headers":
        other = Headers()
        other.keys, other._lines = self.keys.copy(), self._lines.copy()
        return other

    def respliced(
        self, front: Iterable[tuple[str, str]], changed: Mapping[str, str], without: Collection[str]
    ) -> "Headers":
        """A copy with `front` (long names) before everything, the values of `changed` in the place of the first such lines
        and the lines of `without` left out (both by folded long name); every other line is the same to the byte."""
        keys, lines = self.keys.copy(), self._lines.copy()
        for key, value in changed.items():
            if key in keys:
                lines[keys.index(key)] = f"{long_name(key, key)}: {value}"
        for key in without:
            while key in keys:
                place = keys.index(key)
                del keys[place], lines[place]
        other = Headers(front)
        other.keys += keys
        other._lines += lines
        return other

    def without_first(self, name: str) -> "Headers":
        """A copy without the first element of `name`, which may be one of several on its line."""
        key = header_key(name)
        other = self.copy()
        place = other.keys.index(key)
        rest = split(other._value(place), ",")[1:]
        if rest:
            other._lines[place] = f"{long_name(key, name)}: {','.join(rest).strip()}"
        else:
            del other.keys[place], other._lines[place]
        return other

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of `name`."""
        key = KEYS.get(name) or header_key(name)
        first = self._first
        if first is not None:
            return first.get(key, default)
        return self._value(self.keys.index(key)) if key in self.keys else default

    def value(self, key: str) -> str | None:
        """As `get`, by folded long name."""
        first = self._first
        if first is not None:
            return first.get(key)
        return self._value(self.keys.index(key)) if key in self.keys else None

    def get_all(self, name: str) -> list[str]:
        """One value for each line of `name`, comma lists not taken apart."""
        key = KEYS.get(name) or header_key(name)
        if self.keys.count(key) < 2:
            return [value] if (value := self.value(key)) is not None else []
        return [self._value(index) for index, found in enumerate(self.keys) if found == key]

    def get_list(self, name: str) -> list[str]:
        """All elements of a comma list over all its lines; empty ones are left out."""
        values = self.get_all(name)
        if not values:
            return []
        pieces = [piece.strip(" \t") for value in values for piece in split(value, ",")]
        return [piece for piece in pieces if piece]

    def count(self, name: str) -> int:
        """How many lines of `name` there are."""
        return self.keys.count(header_key(name))

    def add(self, name: str, value: str) -> None:
        """Append a line at the end."""
        self.extend(((name, value),))

    def extend(self, items: Iterable[tuple[str, str]]) -> None:
        """Append lines at the end."""
        keys, lines = self.keys, self._lines
        before = len(lines)
        for name, value in items:
            try:
                key, beginning = BEGINNINGS[name]
            except KeyError:
                key, beginning = beginning_of(name)
            keys.append(key)
            lines.append(beginning + value)
        self._first = None
        if self.remembered:
            for key in keys[before:]:
                self._unremember(key)
        if is_unsafe("".join(lines[before:] if before else lines)):
            name = next(line.partition(":")[0] for line in lines[before:] if is_unsafe(line))
            del keys[before:], lines[before:]
            raise ValueError(f"a line end or NUL in {name}")

    def end(self, length: int) -> None:
        """Append the Content-Length, where there is none."""
        self.keys.append("content-length")
        self._lines.append(f"Content-Length: {length}")
        self._first = None

    def prepend(self, name: str, value: str) -> None:
        """Put a line before all others of its name, or at the very front when there is none."""
        key = header_key(name)
        self.insert(self.keys.index(key) if key in self.keys else 0, name, value)

    def set(self, name: str, value: str) -> None:
        """Replace all lines of `name` with this one, at the place of the first."""
        key = header_key(name)
        place = self.keys.index(key) if key in self.keys else len(self.keys)
        self.remove(name)
        self.insert(place, name, value)

    def set_first(self, name: str, value: str) -> None:
        """Replace only the first line of `name`."""
        if is_unsafe(value):
            raise ValueError(f"a line end or NUL in {name}")
        key, beginning = BEGINNINGS.get(name) or beginning_of(name)
        self._lines[self.keys.index(key)] = beginning + value
        if self._first is not None:
            self._first[key] = value.strip(" \t")
        if self.remembered:
            self._unremember(key)

    def lengthen_first(self, key: str, more: str) -> None:
        """Put `more`, which breaks no line, behind the first value of this folded long name."""
        value = f"{self.value(key)}{more}"
        self._lines[self.keys.index(key)] = f"{long_name(key, key)}: {value}"
        if self._first is not None:
            self._first[key] = value
        self._unremember(key)

    def remove(self, name: str) -> None:
        key = header_key(name)
        if key in self.keys:
            kept = [index for index, found in enumerate(self.keys) if found != key]
            self._lines = [self._lines[index] for index in kept]
            self.keys = [self.keys[index] for index in kept]
            self._first = None
            self._unremember(key)

    def insert(self, place: int, name: str, value: str) -> None:
        if is_unsafe(value):
            raise ValueError(f"a line end or NUL in {name}")
        key, beginning = beginning_of(name)
        self.keys.insert(place, key)
        self._lines.insert(place, beginning + value)
        self._first = None
        self._unremember(key)

    def copy_from(self, other: "Headers", name: str) -> None:
        """Append the lines of `name` from a received message as they are, escaped NULs of a peer included."""
        key = header_key(name)
        found = other.keys.count(key)
        at = -1
        for _ in range(found):
            at = other.keys.index(key, at + 1)
            self.keys.append(key)
            self._lines.append(other._lines[at])
        self._first = None
        self._unremember(key)

    def echo(self, other: "Headers", keys: Iterable[str], *, tag: str = "") -> None:
        """As `copy_from` of each of these folded long names, into headers that nothing was read of yet; with `tag`, put
        behind To."""
        made_keys, made_lines, theirs, lines = self.keys, self._lines, other.keys, other._lines
        first = other._first
        once = first is not None and len(first) == len(theirs)
        for key in keys:
            if key not in (theirs if first is None else first):
                continue
            at = theirs.index(key)
            made_keys.append(key)
            made_lines.append(lines[at])
            if not once:
                for _ in range(theirs.count(key) - 1):
                    at = theirs.index(key, at + 1)
                    made_keys.append(key)
                    made_lines.append(lines[at])
            if tag and key == "to":
                if is_unsafe(tag):
                    raise ValueError("a line end or NUL in a tag")
                made_lines[-1] = f"{made_lines[-1].rstrip(_BLANK_OR_FOLD)};tag={tag}"

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The first value of the header whose folded long name is `name`, as `parse` reads it; remembered."""
        found: T | None = self.remembered.get(name)
        if found is None:
            text = self.value(name)
            if text is not None:
                found = self.remembered[name] = parse(text)
        return found

    def tag(self, name: str, tag_of: Callable[[str], str]) -> str:
        """The tag in the first value of that header; remembered."""
        found = self.remembered[name + ";tag"] = tag_of(self.value(name) or "")
        return found

    def parsed_list(self, name: str, parse_list: Callable[[str], list[T]]) -> list[T]:
        """Every element of every line of that header, in order; remembered. All lines together have as many as one may."""
        if name not in (self.keys if self._first is None else self._first):
            return []
        found: list[T] | None = self.remembered.get(name + "[]")
        if found is not None:
            return found
        lines = self.keys.count(name)
        if lines == 1:
            items = parse_list(self.value(name) or "")
        else:
            items = []
            for index in [index for index, key in enumerate(self.keys) if key == name]:
                items += parse_list(self._value(index))
                if len(items) > MAX_PIECES:
                    raise ParseError("a list of too many elements", sip_status=513)
        self.remembered[name + "[]"] = items
        return items

    def remembered_list(self, name: str) -> list[Any] | None:
        """What `parsed_list` has read already."""
        return self.remembered.get(name + "[]")

    def items(self) -> Iterator[tuple[str, str]]:
        """Long name (as written, for headers we do not know) and value, in order."""
        for index, key in enumerate(self.keys):
            yield long_name(key, self._lines[index].partition(":")[0].rstrip(" \t")), self._value(index)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (KEYS.get(name) or header_key(name)) in self.keys

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"Headers({len(self)} lines)"

    def _unremember(self, key: str) -> None:
        if self.remembered:
            self.remembered.pop(key, None)
            self.remembered.pop(f"{key}[]", None)
            self.remembered.pop(f"{key};tag", None)

    def _value(self, index: int) -> str:
        return _value_of(self._lines[index])


def _first_of(keys: list[str], lines: list[str]) -> dict[str, str]:
    return dict(zip(reversed(keys), map(_value_of, reversed(lines)), strict=True))


def _value_of(line: str) -> str:
    value = line.partition(":")[2]
    if "\r" in value:
        value = _unfold(value)
    return value.strip(" \t")


def _unfold(value: str) -> str:
    """Each fold, with the white space around it, as one space."""
    return " ".join(piece.strip(" \t") for piece in value.split("\r\n"))


def _joined_folds(lines: list[str]) -> list[str]:
    """Give continuation lines back to the line they continue."""
    groups: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and groups:
            groups[-1].append(line)
        else:
            groups.append([line])
    return ["\r\n".join(group) for group in groups]


def _index_usual(text: str) -> _Index | None:
    """Of lines as nearly all write them: a name, a colon, a space and a value. None for all else, which is read with more
    care."""
    lines = text.split("\r\n")
    together = "".join(lines)
    if "\r" in together or "\n" in together or len(lines) > MAX_LINES:
        return None
    keys: list[str] = []
    first: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon:
            return None
        try:
            key = KEYS[name]
        except KeyError:
            try:
                key = remembered_key(name)
            except ParseError:
                return None
        keys.append(key)
        first[key] = value.strip(" \t")
    if len(first) != len(keys):
        first = _first_of(keys, lines)
    return keys, lines, first


def _index(text: str, salvage: bool) -> _Index:
    """Folds joined; names in unusual case, with space before the colon, or unknown to us are found too."""
    lines = text.split("\r\n") if text else []
    if not text.count("\r") == text.count("\n") == max(len(lines) - 1, 0):
        if not salvage:
            raise ParseError("a bare CR or LF among the headers")
        lines = [line for line in lines if "\r" not in line and "\n" not in line]
    kept_lines: list[str] = []
    kept_keys: list[str] = []
    for line in _joined_folds(lines):
        name, colon, _ = line.partition(":")
        try:
            if not colon:
                raise ParseError("a header line without a colon")
            key = remembered_key(name.rstrip(" \t"))
        except ParseError:
            if not salvage:
                raise
            continue
        kept_lines.append(line)
        kept_keys.append(key)
    if len(kept_lines) > MAX_LINES:
        if not salvage:
            raise ParseError("too many header lines", sip_status=513)
        del kept_lines[MAX_LINES:], kept_keys[MAX_LINES:]
    return kept_keys, kept_lines, _first_of(kept_keys, kept_lines)
