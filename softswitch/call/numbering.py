"""Telephone numbers brought to E.164 and back to what a trunk wants to see (ITU-T E.164, RFC 3966 section 5.1.4).

Pure. A number that cannot be understood stays as it is: extensions, service and emergency numbers, names.
"""

import re

from softswitch.config.schema import Config
from softswitch.config.trunks import NumberFormat, Numbers

_SEPARATORS = re.compile(r"[ ().\-]")
_DIGITS = re.compile(r"[0-9]{1,20}")
_WITHOUT_AREA = 10
"""So many digits hold an area code already."""


def rules_for(config: Config, kind: str, name: str) -> Numbers:
    """How that phone or trunk writes numbers."""
    trunk = config.trunk.get(name) if kind == "trunk" else None
    return trunk.numbers if trunk is not None and trunk.numbers is not None else config.numbers


def to_e164(number: str, rules: Numbers) -> str:
    """`+` and digits; what is no full number, or without a country in the rules, is given back untouched."""
    if not rules.country:
        return number
    plus, plain = number[:1] == "+", _SEPARATORS.sub("", number).removeprefix("+")
    if not _DIGITS.fullmatch(plain):
        return number
    if plus:
        return f"+{plain}"
    international = rules.international_prefix
    if (
        international
        and plain.startswith(international)
        and len(plain) - len(international) >= rules.shortest
    ):
        return f"+{plain[len(international) :]}"
    if len(plain) < rules.shortest:
        return number
    national = rules.national_prefix
    if national and plain.startswith(national):
        return f"+{rules.country}{plain[len(national) :]}"
    area = rules.area if national and len(plain) < _WITHOUT_AREA else ""
    return f"+{rules.country}{area}{plain}"


def written(number: str, form: NumberFormat, rules: Numbers) -> str:
    """A number in E.164 as `form` wants it; any other number as it is. Whoever has the number as it was dialled takes
    that one for `as-is`."""
    if form in ("as-is", "+e164") or not number.startswith("+"):
        return number
    digits = number[1:]
    if form == "e164":
        return digits
    if form == "national" and rules.country and digits.startswith(rules.country):
        return rules.national_prefix + digits[len(rules.country) :]
    return rules.international_prefix + digits
