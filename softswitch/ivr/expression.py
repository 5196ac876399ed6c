"""Expressions of flows: `number(points) >= 100 and not holiday("office")`, read into a small tree.

In order of binding, loosest first: `or`, `and`, `not`, comparisons (`==` `!=` `<` `<=` `>` `>=` `in`), `&` (joins texts),
`+` `-`, `*` `/` `%`, a sign. Operands: numbers, texts in quotes, `true`, `false`, variables, functions, parentheses; behind
`in` a list in brackets. What may be computed is bounded by the length and the depth of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from softswitch.ivr.value import Value

MAX_LENGTH = 500
MAX_DEPTH = 24
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?)
  | (?P<text>"[^"]*"|'[^']*')
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>==|!=|<=|>=|[<>+\-*/%&(),\[\]])
)""",
    re.VERBOSE,
)
_BINDING = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 4),
    "&": 5,
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "%"), 7),
}
_NOT, _COMPARISON, _SIGN = 3, 4, 8
_WORDS = frozenset({"or", "and", "not", "in", "true", "false"})


class ExpressionError(ValueError):
    """An expression that cannot be read; says what was expected and where."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    """`not` or `-`."""
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Among:
    """`operand in [first, second]`."""

    operand: "Expression"
    members: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple["Expression", ...]


Expression = Literal | Name | Unary | Binary | Among | Call


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is longer than {MAX_LENGTH} characters")
    parser = _Parser(text, list(_tokens(text)))
    found = parser.expression(0, 0)
    if parser.peek()[0] != "end":
        raise parser.error("an operator, or the end")
    return found


def names_in(expression: Expression) -> frozenset[str]:
    """Variables that it reads."""
    match expression:
        case Name(name=name):
            return frozenset({name})
        case Unary(operand=operand):
            return names_in(operand)
        case Binary(left=left, right=right):
            return names_in(left) | names_in(right)
        case Among(operand=operand, members=members):
            return names_in(operand).union(*map(names_in, members))
        case Call(arguments=arguments):
            return frozenset[str]().union(*map(names_in, arguments))
    return frozenset()


_Token = tuple[str, str, int]
"""Kind (`number`, `text`, `name`, `sign`, `end`), the token itself, where it begins."""


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            if rest[:1] in ("'", '"'):
                raise ExpressionError(f"the text {rest[:20]} is not closed")
            hint = "; equal is ==" if rest[:1] == "=" else ""
            raise ExpressionError(f"{rest[:1]!r} at {len(text) - len(rest) + 1} means nothing here{hint}")
        kind = str(match.lastgroup)
        yield kind, match[kind], match.start(kind)
        at = match.end()
    yield "end", "", len(text)


class _Parser:
    """Precedence climbing over the tokens of one text."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        if token[0] != "end":
            self._at += 1
        return token

    def _taken(self, sign: str) -> bool:
        kind, token, _ = self.peek()
        if kind not in ("sign", "name") or token != sign:
            return False
        self._at += 1
        return True

    def error(self, expected: str) -> ExpressionError:
        kind, token, at = self.peek()
        there = "nothing more stands there" if kind == "end" else f"there is {token[:20]!r}"
        return ExpressionError(f"expected {expected} at {at + 1}; {there}")

    def _expect(self, sign: str) -> None:
        if not self._taken(sign):
            raise self.error(f"{sign!r}")

    def expression(self, binding: int, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"is nested deeper than {MAX_DEPTH}")
        left = self._operand(depth)
        compared = False
        while True:
            kind, operator, _ = self.peek()
            strength = _BINDING.get(operator, 0) if kind in ("sign", "name") else 0
            if strength <= binding:
                return left
            if strength == _COMPARISON and compared:
                raise self.error("and, or (comparisons do not chain)")
            compared = compared or strength == _COMPARISON
            self._take()
            if operator == "in":
                left = Among(left, self._members(depth + 1))
            else:
                left = Binary(operator, left, self.expression(strength, depth + 1))

    def _operand(self, depth: int) -> Expression:
        if self._taken("not"):
            return Unary("not", self.expression(_NOT, depth + 1))
        if self._taken("-"):
            return Unary("-", self.expression(_SIGN, depth + 1))
        if self._taken("("):
            inner = self.expression(0, depth + 1)
            self._expect(")")
            return inner
        kind, token, _ = self.peek()
        if kind == "number":
            self._take()
            return Literal(float(token) if "." in token else int(token))
        if kind == "text":
            self._take()
            return Literal(token[1:-1])
        if kind == "name" and (token not in _WORDS or token in ("true", "false")):
            self._take()
            if token in ("true", "false"):
                return Literal(token == "true")
            return Call(token, self._listed(")", depth + 1)) if self._taken("(") else Name(token)
        raise self.error("a number, a text in quotes, a variable or a function")

    def _members(self, depth: int) -> tuple[Expression, ...]:
        self._expect("[")
        members = self._listed("]", depth)
        if not members:
            raise ExpressionError("the list behind `in` is empty")
        return members

    def _listed(self, closing: str, depth: int) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self._taken(closing):
            if found:
                self._expect(",")
            found.append(self.expression(0, depth))
        return tuple(found)
