"""Values as JSON can hold them: dataclasses become objects of those fields that have not their default.

For rows that are written often: nothing is copied that need not be, unlike `dataclasses.asdict`.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_Form = tuple[tuple[str, ...], tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]
_FORMS: Final[dict[type, _Form]] = {}
"""Names, defaults and getter of each dataclass that has been written."""


def plain(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    form = _FORMS.get(kind)
    if form is None:
        if is_dataclass(kind):
            form = _FORMS[kind] = _form(kind)
        elif isinstance(value, Mapping):
            return {key: plain(one) for key, one in value.items()}
        elif isinstance(value, (tuple, list, set, frozenset)):
            return [plain(one) for one in value]
        else:
            return value  # an enumeration of strings is one
    names, defaults, get = form
    return {
        name: one if type(one) in _SCALARS else plain(one)
        for name, one, default in zip(names, get(value), defaults, strict=True)
        if one is not default and one != default
    }


def _form(kind: type) -> _Form:
    known = fields(kind)
    names = tuple(field.name for field in known)
    defaults = tuple(
        field.default_factory() if field.default_factory is not MISSING else field.default for field in known
    )
    get = operator.attrgetter(*names)
    return names, defaults, get if len(names) > 1 else lambda value: (get(value),)
