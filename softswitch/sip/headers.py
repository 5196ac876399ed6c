"""Header fields of a message: an ordered multi-dict, names without regard to case, compact forms understood.

Received lines are kept and written byte for byte, folds included; only what is set here is written in the long form.
Bytes that are no UTF-8 survive as surrogates. What we set may hold no CR, LF or NUL (RFC 3261 sections 7.3 and 20).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import IS_TOKEN, MAX_PIECES, UNSAFE, fold, split

MAX_LINES = 256

_LONG_NAMES = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info "
    "Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length "
    "Content-Type CSeq Date Diversion Error-Info Event Expires Flow-Timer From History-Info Identity In-Reply-To "
    "Max-Forwards MIME-Version Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity Path Priority "
    "Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-To Referred-By "
    "Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Server "
    "Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp To Unsupported "
    "User-Agent Via Warning WWW-Authenticate"
)
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_WRITTEN = {name.lower(): name for name in _LONG_NAMES.split()}
_KEYS: dict[str, str] = {
    **{form: name.lower() for name in _LONG_NAMES.split() for form in (name, name.lower(), name.upper())},
    **{form: name.lower() for letter, name in _COMPACT.items() for form in (letter, letter.upper())},
}


T = TypeVar("T")


def header_key(name: str) -> str:
    """The folded long name by which a header is found, `via` for `v`; raises ParseError when it is no token."""
    known = _KEYS.get(name)
    if known is not None:
        return known
    if IS_TOKEN.fullmatch(name) is None:
        raise ParseError("a header name that is no token")
    folded = fold(name)
    return _KEYS.get(folded, folded)


class Headers:
    """`get` and its like give values without folds and outer white space. `parsed` remembers typed values until their
    header changes."""

    __slots__ = ("_keys", "_lines", "remembered")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._keys: list[str] = []
        self._lines: list[str] = []
        self.remembered: dict[str, Any] = {}
        """Typed values that have been read, by folded long name (lists: with `[]` behind it); for reading only."""
        for name, value in items:
            if UNSAFE.search(value):
                raise ValueError(f"a line end or NUL in {name}")
            key = _KEYS.get(name) or header_key(name)
            self._keys.append(key)
            self._lines.append(f"{_WRITTEN.get(key, name)}: {value}")

    @classmethod
    def parse(cls, text: str, *, salvage: bool = False) -> "Headers":
        """All lines of a head behind the start line. With `salvage`, lines that cannot be read are left out."""
        lines = text.split("\r\n") if text else []
        cuts = [line.partition(":") for line in lines]
        keys = [_KEYS.get(name, "") if colon else "" for name, colon, _ in cuts]
        if not text.count("\r") == text.count("\n") == max(len(lines) - 1, 0):
            if not salvage:
                raise ParseError("a bare CR or LF among the headers")
            lines = [line for line in lines if "\r" not in line and "\n" not in line]
            keys = [""] * len(lines)
        if "" in keys:
            lines, keys = _index_slowly(lines, salvage)
        if len(lines) > MAX_LINES:
            if not salvage:
                raise ParseError("too many header lines", sip_status=513)
            del lines[MAX_LINES:], keys[MAX_LINES:]
        self = cls.__new__(cls)
        self._keys, self._lines, self.remembered = keys, lines, {}
        return self

    def __str__(self) -> str:
        """The lines as they go on the wire, each with its CRLF."""
        return "\r\n".join(self._lines) + "\r\n" if self._lines else ""

    def copy(self) -> "Headers":
        other = Headers()
        other._keys, other._lines = self._keys.copy(), self._lines.copy()
        return other

    def respliced(
        self, front: Iterable[tuple[str, str]], changed: Mapping[str, str], without: Collection[str]
    ) -> "Headers":
        """A copy with `front` (long names) before everything, the values of `changed` in the place of the first such lines
        and the lines of `without` left out (both by folded long name); every other line is the same to the byte."""
        keys, lines = self._keys.copy(), self._lines.copy()
        for key, value in changed.items():
            if key in keys:
                lines[keys.index(key)] = f"{_WRITTEN.get(key, key)}: {value}"
        for key in without:
            while key in keys:
                place = keys.index(key)
                del keys[place], lines[place]
        added = list(front)
        if UNSAFE.search("".join([value for _, value in added])):
            raise ValueError("a line end or NUL in a line of ours")
        other = Headers()
        other._keys = [header_key(name) for name, _ in added] + keys
        other._lines = [f"{name}: {value}" for name, value in added] + lines
        return other

    def without_first(self, name: str) -> "Headers":
        """A copy without the first element of `name`, which may be one of several on its line."""
        key = header_key(name)
        other = self.copy()
        place = other._keys.index(key)
        rest = split(other._value(place), ",")[1:]
        if rest:
            other._lines[place] = f"{_WRITTEN.get(key, name)}: {','.join(rest).strip()}"
        else:
            del other._keys[place], other._lines[place]
        return other

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of `name`."""
        key = _KEYS.get(name) or header_key(name)
        if key not in self._keys:
            return default
        value = self._lines[self._keys.index(key)].partition(":")[2]
        return (_unfold(value) if "\r" in value else value).strip(" \t")

    def get_all(self, name: str) -> list[str]:
        """One value for each line of `name`, comma lists not taken apart."""
        key = header_key(name)
        return [self._value(index) for index, found in enumerate(self._keys) if found == key]

    def get_list(self, name: str) -> list[str]:
        """All elements of a comma list over all its lines; empty ones are left out."""
        pieces = (piece.strip(" \t") for value in self.get_all(name) for piece in split(value, ","))
        return [piece for piece in pieces if piece]

    @property
    def keys(self) -> Sequence[str]:
        """The folded long name of each line, in order."""
        return self._keys

    def count(self, name: str) -> int:
        """How many lines of `name` there are."""
        return self._keys.count(header_key(name))

    def add(self, name: str, value: str) -> None:
        """Append a line at the end."""
        if UNSAFE.search(value):
            raise ValueError(f"a line end or NUL in {name}")
        key = _KEYS.get(name) or header_key(name)
        self._keys.append(key)
        self._lines.append(f"{_WRITTEN.get(key, name)}: {value}")
        if self.remembered:
            self._unremember(key)

    def prepend(self, name: str, value: str) -> None:
        """Put a line before all others of its name, or at the very front when there is none."""
        key = header_key(name)
        self.insert(self._keys.index(key) if key in self._keys else 0, name, value)

    def set(self, name: str, value: str) -> None:
        """Replace all lines of `name` with this one, at the place of the first."""
        key = header_key(name)
        place = self._keys.index(key) if key in self._keys else len(self._keys)
        self.remove(name)
        self.insert(place, name, value)

    def set_first(self, name: str, value: str) -> None:
        """Replace only the first line of `name`."""
        if UNSAFE.search(value):
            raise ValueError(f"a line end or NUL in {name}")
        key = header_key(name)
        self._lines[self._keys.index(key)] = f"{_WRITTEN.get(key, name)}: {value}"
        self._unremember(key)

    def remove(self, name: str) -> None:
        key = header_key(name)
        if key in self._keys:
            kept = [index for index, found in enumerate(self._keys) if found != key]
            self._lines = [self._lines[index] for index in kept]
            self._keys = [self._keys[index] for index in kept]
            self._unremember(key)

    def insert(self, place: int, name: str, value: str) -> None:
        if UNSAFE.search(value):
            raise ValueError(f"a line end or NUL in {name}")
        key = header_key(name)
        self._keys.insert(place, key)
        self._lines.insert(place, f"{_WRITTEN.get(key, name)}: {value}")
        self._unremember(key)

    def copy_from(self, other: "Headers", name: str) -> None:
        """Append the lines of `name` from a received message as they are, escaped NULs of a peer included."""
        key = header_key(name)
        found = other._keys.count(key)
        at = -1
        for _ in range(found):
            at = other._keys.index(key, at + 1)
            self._keys.append(key)
            self._lines.append(other._lines[at])
        self._unremember(key)

    def echo(self, other: "Headers", keys: Iterable[str]) -> None:
        """As `copy_from` of each of these folded long names, into headers that nothing was read of yet."""
        theirs = other._keys
        for key in keys:
            at = -1
            for _ in range(theirs.count(key)):
                at = theirs.index(key, at + 1)
                self._keys.append(key)
                self._lines.append(other._lines[at])

    def append_to_last(self, text: str) -> None:
        """Lengthen the last line, for a tag on a copied To."""
        if UNSAFE.search(text):
            raise ValueError("a line end or NUL in a header")
        self._lines[-1] = self._lines[-1].rstrip(" \t") + text
        self._unremember(self._keys[-1])

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The first value of the header whose folded long name is `name`, as `parse` reads it; remembered."""
        found: T | None = self.remembered.get(name)
        if found is not None or name not in self._keys:
            return found
        text = self._lines[self._keys.index(name)].partition(":")[2]
        value = self.remembered[name] = parse((_unfold(text) if "\r" in text else text).strip(" \t"))
        return value

    def parsed_list(self, name: str, parse_list: Callable[[str], list[T]]) -> list[T]:
        """Every element of every line of that header, in order; remembered. All lines together have as many as one may."""
        found: list[T] | None = self.remembered.get(name + "[]")
        if found is not None:
            return found
        lines = self._keys.count(name)
        if not lines:
            return []
        if lines == 1:
            items = parse_list(self._value(self._keys.index(name)))
        else:
            items = []
            for index in [index for index, key in enumerate(self._keys) if key == name]:
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
        for index, key in enumerate(self._keys):
            written = _WRITTEN.get(key) or self._lines[index].partition(":")[0].rstrip(" \t")
            yield written, self._value(index)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and header_key(name) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"Headers({len(self)} lines)"

    def _unremember(self, key: str) -> None:
        if self.remembered:
            self.remembered.pop(key, None)
            self.remembered.pop(f"{key}[]", None)

    def _value(self, index: int) -> str:
        value = self._lines[index].partition(":")[2]
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


def _index_slowly(lines: list[str], salvage: bool) -> tuple[list[str], list[str]]:
    """Join folds, and find the keys of names in unusual case, with space before the colon, or unknown to us."""
    kept_lines, kept_keys = [], []
    for line in _joined_folds(lines):
        name, colon, _ = line.partition(":")
        try:
            if not colon:
                raise ParseError("a header line without a colon")
            key = header_key(name.rstrip(" \t"))
        except ParseError:
            if not salvage:
                raise
            continue
        kept_lines.append(line)
        kept_keys.append(key)
    return kept_lines, kept_keys
