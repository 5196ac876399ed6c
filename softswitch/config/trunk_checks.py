"""What groups, prices, numbers and the toll guard say of trunks and calendars: names that must exist, once, and what they
need of each other. Pure."""

from collections.abc import Iterator, Set

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.schema import Config
from softswitch.config.trunk_formats import header_name

MAX_ADDED = 20


def check_trunks(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    yield from _groups(config, broken)
    yield from _rates(config, broken)
    yield from _numbers(config)
    yield from _headers(config)
    yield from _realms(config)


def _groups(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    for name, group in config.trunk_group.items():
        if name in config.trunk:
            yield Finding(
                path=("trunk_group", name), message=f"is also the name of a trunk: trunk:{name} would be both"
            )
        if not group.members:
            yield Finding(path=("trunk_group", name, "members"), message="is empty", expected="at least one")
        seen: set[str] = set()
        for index, member in enumerate(group.members):
            path: Path = ("trunk_group", name, "members", index, "trunk")
            if member.trunk in seen:
                yield Finding(path=path, message=f"trunk {member.trunk!r} is a member twice")
            seen.add(member.trunk)
            if member.trunk not in config.trunk and ("trunk", member.trunk) not in broken:
                meant = nearest(member.trunk, config.trunk)
                yield Finding(path=path, message=f"there is no trunk {member.trunk!r}", did_you_mean=meant)


def _rates(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    named = [*config.trunk, *config.trunk_group]
    for name, lcr in config.lcr.items():
        if not lcr.rates and not lcr.file:
            yield Finding(path=("lcr", name), message="has no prices", expected="rates, or file")
        told: set[str] = set()
        for index, rate in enumerate(lcr.rates):
            path: Path = ("lcr", name, "rates", index)
            known = rate.trunk in named or ("trunk", rate.trunk) in broken
            if not known and ("trunk_group", rate.trunk) not in broken and rate.trunk not in told:
                told.add(rate.trunk)
                meant = nearest(rate.trunk, named)
                message = f"there is no trunk or group {rate.trunk!r}"
                yield Finding(path=(*path, "trunk"), message=message, did_you_mean=meant)
            unknown = rate.when and rate.when not in config.calendar
            if unknown and ("calendar", rate.when) not in broken and rate.when not in told:
                told.add(rate.when)
                meant = nearest(rate.when, config.calendar)
                message = f"there is no calendar {rate.when!r}"
                yield Finding(path=(*path, "when"), message=message, did_you_mean=meant)


def _numbers(config: Config) -> Iterator[Finding]:
    for name, trunk in config.trunk.items():
        country = trunk.numbers.country if trunk.numbers is not None else config.numbers.country
        if trunk.number_format != "as-is" and not country:
            path: Path = ("trunk", name, "number_format")
            yield Finding(path=path, message="needs the country of [numbers]", expected='country = "34"')
    if config.toll.enabled and not config.numbers.country:
        yield Finding(
            path=("toll", "enabled"),
            message="needs the country of [numbers], to tell where a number leads",
            expected='country = "34"',
        )


def _headers(config: Config) -> Iterator[Finding]:
    for name, trunk in config.trunk.items():
        if len(trunk.headers_add) > MAX_ADDED:
            yield Finding(path=("trunk", name, "headers_add"), message=f"has more than {MAX_ADDED} headers")
        for header in trunk.headers_add:
            try:
                header_name(header)
            except ValueError as error:
                yield Finding(path=("trunk", name, "headers_add", header), message=str(error))


def _realms(config: Config) -> Iterator[Finding]:
    """Which realm counts is known by the place alone: whoever is there has proved nothing yet."""
    for name, trunk in config.trunk.items():
        if trunk.realm and not (trunk.challenge and trunk.match):
            needed = "challenge" if not trunk.challenge else "match"
            yield Finding(path=("trunk", name, "realm"), message=f"counts only with {needed}")
