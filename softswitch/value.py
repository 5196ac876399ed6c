"""Values that are made for every call: frozen to the type checker, and as cheap as an object with slots when they are made.

A frozen dataclass sets each field by a call of `object.__setattr__`, at three times the cost of an assignment; a call makes
a hundred values of a thousand fields. That nobody changes one is proven by mypy, which is strict here, and not looked at
again while the switch runs. Compared and hashed they are like frozen ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform, overload

Kind = TypeVar("Kind")


@overload
def value(kind: type[Kind], /) -> type[Kind]: ...
@overload
def value(*, kw_only: bool) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(
    kind: type[Kind] | None = None, /, *, kw_only: bool = True
) -> type[Kind] | Callable[[type[Kind]], type[Kind]]:
    """In the place of `@dataclass(frozen=True, slots=True, kw_only=True)`. One that every event makes may be filled by
    place: names cost three times as much."""
    made = dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)
    return made if kind is None else made(kind)
