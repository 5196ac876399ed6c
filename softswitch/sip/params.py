"""Parameters behind a semicolon, as Via, addresses and URIs carry them: ordered, names without regard to case.

Values are kept as written, quotes and escapes included, so that what is not understood is passed on unchanged. A name
that comes twice, an empty name and `name=` are refused (RFC 3261 sections 7.3.1 and 25.1).
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import MAX_PIECES, fold, is_unsafe, split, unquoted

_ODD = re.compile(r'[^!-~]|["<>,\\]')
"""What neither a token nor any other unquoted value may hold."""
_USUAL = re.compile(
    r";(branch|tag)=([A-Za-z0-9\-.!%*_+`'~]+)(;rport(?:=([0-9]{1,5});received=([0-9A-Fa-f.:]+))?)?"
)
"""All that most Vias, also once we have stamped them, and From and To carry."""


class Params(Mapping[str, str | None]):
    """An immutable mapping of folded name to value as written; None for a name without one."""

    __slots__ = ("_values", "written")

    def __init__(self, items: Iterable[tuple[str, str | None]] = ()) -> None:
        items = tuple(items)
        self.written: str = "".join(_written(name, value) for name, value in items)
        self._values = {fold(name): value for name, value in items}
        if len(self._values) != len(items):
            raise ParseError("a parameter comes twice")

    @classmethod
    def parse(cls, text: str) -> "Params":
        """`;a=1;b` or nothing at all; white space is allowed around both separators."""
        if not text:
            return NO_PARAMS
        if text[0] != ";":
            raise ParseError("parameters do not begin with a semicolon")
        usual = _USUAL.fullmatch(text)
        if usual is not None:
            name, value, rport, port, received = usual.groups()
            self = cls.__new__(cls)
            self.written = text
            self._values = {name: value} if rport is None else {name: value, "rport": port}
            if received is not None:
                self._values["received"] = received
            return self
        if _ODD.search(text) is not None:
            return cls(_odd_parameter(piece) for piece in split(text[1:], ";"))
        values: dict[str, str | None] = {}
        pieces = text[1:].split(";", MAX_PIECES)
        if len(pieces) > MAX_PIECES:
            raise ParseError("a list of too many elements")
        for piece in pieces:
            name, equals, value = piece.partition("=")
            if not name or (equals and not value):
                raise ParseError("an empty parameter")
            values[name.lower()] = value if equals else None
        if len(values) != len(pieces):
            raise ParseError("a parameter comes twice")
        self = cls.__new__(cls)
        self.written, self._values = text, values
        return self

    def __str__(self) -> str:
        return self.written

    def text(self, name: str) -> str:
        """The value without its quotes; empty when there is none."""
        return unquoted(self.get(name) or "")

    def having(self, name: str, value: str | None) -> "Params":
        """These with `name` set to `value`, in its place or at the end."""
        if is_unsafe(value or ""):
            raise ValueError("a line end in a parameter")
        wanted = fold(name)
        made = Params.__new__(Params)
        made._values = {**self._values, wanted: value}
        if wanted not in self._values:
            made.written = self.written + _written(name, value)
            return made
        pieces = split(self.written[1:], ";")
        at = list(self._values).index(wanted)
        pieces[at] = _written(pieces[at].partition("=")[0], value)[1:]
        made.written = ";" + ";".join(pieces)
        return made

    def filled(self, name: str, value: str, further: str, its_value: str) -> "Params":
        """`name`, there without a value, with `value`, and `further` with `its_value`; both names in lower case."""
        text, values = self.written, self._values
        if values.get(name, "") is None and further not in values and '"' not in text:
            at = len(text) - len(name) - 1 if text.endswith(f";{name}") else text.find(f";{name};")
            if at >= 0 and not is_unsafe(value + its_value):
                made = Params.__new__(Params)
                end = at + len(name) + 1
                made.written = f"{text[:end]}={value}{text[end:]};{further}={its_value}"
                made._values = {**values, name: value, further: its_value}
                return made
        return self.having(name, value).having(further, its_value)

    def without(self, *names: str) -> "Params":
        unwanted = {fold(name) for name in names}
        return Params(item for item in self.items_as_written() if fold(item[0]) not in unwanted)

    def items_as_written(self) -> Iterator[tuple[str, str | None]]:
        """Names in their own case, in order."""
        return zip(
            (piece.partition("=")[0] for piece in split(self.written[1:], ";")),
            self._values.values(),
            strict=False,
        )

    def __getitem__(self, name: str) -> str | None:
        return self._values[fold(name)]

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value of `name`; None also for one without a value (`in` tells the difference)."""
        value = self._values.get(name)
        return value if value is not None else self._values.get(fold(name), default)

    def __contains__(self, name: object) -> bool:
        return name in self._values or (isinstance(name, str) and fold(name) in self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Params({str(self)!r})"


def _written(name: str, value: str | None) -> str:
    return f";{name}" if value is None else f";{name}={value}"


def _odd_parameter(piece: str) -> tuple[str, str | None]:
    name, equals, value = piece.partition("=")
    name, value = name.strip(" \t"), value.strip(" \t")
    if _ODD.search(name):
        raise ParseError("a parameter's name is no token")
    if not name or (equals and not value):
        raise ParseError("an empty parameter")
    if value.startswith('"'):
        unquoted(value)
    elif _ODD.search(value):
        raise ParseError("a parameter's value is neither token nor quoted")
    return name, value if equals else None


NO_PARAMS = Params()
