"""What tables of rights say of the rest: persons who cannot be told apart, roles and teams that do not exist. Pure."""

from collections.abc import Iterator, Set

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.rights import ROLES, role_named
from softswitch.config.schema import Config


def check_rights(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    yield from _named(config, broken)
    yield from _told_apart(config)
    for name, person in config.person.items():
        path: Path = ("person", name)
        role = role_named(person.role, config.role)
        if role.reach == "teams" and not (person.teams or person.queues or person.agent):
            message = f"is {person.role} of no team and no queue, so that he may do nothing"
            yield Finding(path=path, message=message, expected="teams or queues", warning=True)
        if role.reach == "self" and not person.agent and role.may:
            yield Finding(
                path=(*path, "agent"), message="is needed: his role holds for himself only", warning=True
            )
        if not (
            person.unix_users
            or person.token_sha256
            or person.endpoints
            or person.agent
            or _lent(config, name)
        ):
            message = "can be nobody: no unix_users, token_sha256, endpoints or agent"
            yield Finding(path=path, message=message, warning=True)


def _lent(config: Config, name: str) -> bool:
    """A feed shows what this person may see."""
    return any(person == name for _, person in _feeds(config))


def _feeds(config: Config) -> Iterator[tuple[Path, str]]:
    yield ("ami", "person"), config.ami.person
    yield ("events", "person"), config.events.person
    for name, hook in config.webhook.items():
        yield ("webhook", name, "person"), hook.person


def _named(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    roles = {**ROLES, **config.role}
    for name, person in config.person.items():
        if person.role not in roles and ("role", person.role) not in broken:
            yield Finding(
                path=("person", name, "role"),
                message=f"there is no role {person.role!r}",
                expected=", ".join(roles),
                did_you_mean=nearest(person.role, roles),
            )
        for key, section in (("teams", "team"), ("queues", "queue"), ("endpoints", "endpoint")):
            for index, one in enumerate(getattr(person, key)):
                yield from _missing(config, broken, ("person", name, key, index), section, one)
        if person.agent:
            yield from _missing(config, broken, ("person", name, "agent"), "agent", person.agent)
    for path, lent in _feeds(config):
        if lent:
            yield from _missing(config, broken, path, "person", lent)


def _missing(config: Config, broken: Set[Path], path: Path, section: str, name: str) -> Iterator[Finding]:
    known = getattr(config, section)
    if name not in known and (section, name) not in broken:
        meant = nearest(name, known)
        expected = "" if meant else f"[{section}.{name}] to be defined"
        yield Finding(
            path=path, message=f"there is no {section} {name!r}", expected=expected, did_you_mean=meant
        )


def _told_apart(config: Config) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for name, person in config.person.items():
        shown = [
            *(("unix_users", user) for user in person.unix_users),
            *(("endpoints", phone) for phone in person.endpoints),
            *((("token_sha256", person.token_sha256),) if person.token_sha256 else ()),
            *((("agent", person.agent),) if person.agent else ()),
        ]
        for key, value in shown:
            other = seen.setdefault((key, value), name)
            if other != name:
                what = "the same token" if key == "token_sha256" else repr(value)
                yield Finding(path=("person", name, key), message=f"has {what}, as {other} does")
