"""Where a called number leads: a pure function of configuration, number, source and opening hours.

Order: feature codes (phones only), routes (exact number before pattern, closer pattern before wider, with `ani` before
without), then the phones' own extensions. Nothing that a peer sent is ever parsed as a target.
"""

from collections.abc import Mapping

from softswitch.call.route_table import table_of
from softswitch.config.schema import Config
from softswitch.config.target import Target
from softswitch.config.trunks import Rewrite
from softswitch.value import value


@value
class Asked:
    """What is known when a call asks for a number."""

    number: str
    ani: str
    kind: str
    """`trunk` or `endpoint`."""
    name: str


@value
class Routed:
    target: Target
    route: str
    """Key of the route, `extension` or `feature`; for logs and the call's detail."""
    dialled: str = ""
    """The number to dial at a trunk."""
    language: str = ""
    """Empty: none said."""
    priority: int = 0
    feature: str = ""
    """Name of a feature code, one of `FEATURES`; `target` means nothing then."""
    argument: str = ""
    """Digits after the feature code."""


FEATURES = ("login", "logout", "pause", "resume", "supervise", "pickup", "park", "voicemail")
OF_PEOPLE = ("agent_login", "agent_logout", "agent_pause", "agent_resume", "pull", "move")
"""Feature codes for people with a role, whose PIN stands behind the last `*`, as it does behind `supervise`."""
_NOWHERE = Target("hangup", "unknown")


def route(config: Config, asked: Asked, is_open: Mapping[str, bool]) -> Routed | None:
    """None: the number is unknown to this caller."""
    if asked.kind == "endpoint":
        feature = _feature(config, asked.number)
        if feature is not None:
            return feature
    table = table_of(config.route)
    found = table.best(asked.number, ani=asked.ani, kind=asked.kind, name=asked.name)
    if found is not None:
        key, chosen = found
        opened = not chosen.when or is_open.get(chosen.when, True)
        return Routed(
            target=Target.parse(chosen.to if opened else chosen.otherwise),
            route=key,
            dialled=chosen.prepend + asked.number[chosen.strip :],
            language=chosen.language or "",
            priority=chosen.priority,
        )
    if asked.kind == "endpoint" and asked.number in config.endpoint:
        return Routed(target=Target("extension", asked.number), route="extension")
    return None


def _feature(config: Config, number: str) -> Routed | None:
    for name in (*FEATURES, *OF_PEOPLE):
        code = getattr(config.features, name)
        if code and number.startswith(code):
            return Routed(target=_NOWHERE, route="feature", feature=name, argument=number[len(code) :])
    return None


def without_pin(config: Config, number: str) -> str:
    """What may be written down of a number that a phone dials: the code without what follows it, where a PIN may."""
    return next((code for code in codes_with_pin(config) if number.startswith(code)), number)


def codes_with_pin(config: Config) -> tuple[str, ...]:
    """Feature codes behind which a PIN may be dialled."""
    names = (
        ("login", "supervise", *OF_PEOPLE)
        if any(person.pin for person in config.person.values())
        else ("login",)
    )
    return tuple(code for name in names if (code := getattr(config.features, name)))


def rewritten(number: str, rewrites: tuple[Rewrite, ...]) -> str:
    """`number` after the first rewrite whose prefix matches."""
    for rewrite in rewrites:
        if number.startswith(rewrite.prefix):
            return rewrite.replace + number[len(rewrite.prefix) :]
    return number
