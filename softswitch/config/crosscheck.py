"""What one part of the configuration says of another: names that must exist, networks and codes that must not clash,
queues that nobody serves, callers who would go round in circles. Pure; values are already well formed or left out.
"""

import ipaddress
from collections.abc import Iterator, Mapping, Set
from itertools import combinations

from softswitch.config.flow import Branch, Dial, Enqueue, Record, Transfer
from softswitch.config.formats import port_range
from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.queue_checks import check_queues
from softswitch.config.queues import Queue
from softswitch.config.rights_checks import check_rights
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.target import OUTWARD, Target
from softswitch.config.transport_checks import check_transports, listen_address, udp_without_tcp
from softswitch.config.trunk_checks import check_trunks
from softswitch.config.voice_checks import check_voice

_SECTION = {
    "flow": "flow",
    "queue": "queue",
    "extension": "endpoint",
    "trunk": "trunk",
    "message": "message",
    "agent": "agent",
    "conference": "conference",
    "lcr": "lcr",
}
"""Kind of a target to the section in which its name stands."""
_DIALLED_FEATURES = (
    *("login", "logout", "pause", "resume", "supervise", "pickup", "park", "voicemail"),
    *("agent_login", "agent_logout", "agent_pause", "agent_resume", "pull", "move"),
)
_PRESSED_FEATURES = ("record", "transfer", "consult", "back", "three_way", "park")


def crosscheck(config: Config, broken: Set[Path] = frozenset()) -> list[Finding]:
    """`broken`: tables that exist but could not be read; naming them is not wrong."""
    names = _Names(config, broken)
    findings = [
        *_targets(config, names),
        *_members(config, names),
        *_routes(config, names),
        *_flows(config, names),
        *_phones(config),
        *_networks(config),
        *_addresses(config),
        *_features(config),
        *_supervisors(config, names),
        *_conferences(config),
        *check_trunks(config, broken),
        *check_queues(config, broken),
        *check_transports(config),
        *check_rights(config, broken),
        *check_voice(config, broken),
    ]
    if not findings and not broken:
        findings += [*_served(config), *_circles(config)]
    return [*findings, *udp_without_tcp(config)]


class _Names:
    """Which names exist in each section."""

    def __init__(self, config: Config, broken: Set[Path]) -> None:
        self._config = config
        self._broken = broken

    def missing(self, path: Path, section: str, name: str) -> Iterator[Finding]:
        known: Mapping[str, object] = getattr(self._config, section)
        if section == "trunk" and ("trunk_group", name) in self._broken:
            return
        if name in known or (section, name) in self._broken:
            return
        meant = nearest(name, [*known, *(self._config.trunk_group if section == "trunk" else ())])
        expected = f"[{section}.{name}] to be defined" if not meant else ""
        yield Finding(
            path=path, message=f"there is no {section} {name!r}", expected=expected, did_you_mean=meant
        )

    def target(self, path: Path, text: str) -> Iterator[Finding]:
        target = _parsed(text)
        if target is not None and target.kind == "trunk" and target.name in self._config.trunk_group:
            return
        if target is not None and target.kind in _SECTION and "{" not in target.name:
            yield from self.missing(path, _SECTION[target.kind], target.name)


def _parsed(text: str) -> Target | None:
    """None for text that is no target, which `formats.py` has told."""
    try:
        return Target.parse(text)
    except ValueError:
        return None


def _ways_out(queue: Queue) -> Iterator[tuple[Path, str]]:
    yield ("on_timeout",), queue.on_timeout
    yield ("on_full",), queue.on_full
    yield ("on_empty",), queue.on_empty
    for key, target in queue.keys.items():
        yield ("keys", key), target


def _targets(config: Config, names: _Names) -> Iterator[Finding]:
    for name, queue in config.queue.items():
        for path, target in _ways_out(queue):
            yield from names.target(("queue", name, *path), target)
    for number, route in config.route.items():
        yield from names.target(("route", number, "to"), route.to)
        yield from names.target(("route", number, "otherwise"), route.otherwise)


def _members(config: Config, names: _Names) -> Iterator[Finding]:
    for phone, endpoint in config.endpoint.items():
        if endpoint.mailbox:
            yield from names.missing(("endpoint", phone, "mailbox"), "message", endpoint.mailbox)
    for agent_id, agent in config.agent.items():
        yield from names.missing(("agent", agent_id, "endpoint"), "endpoint", agent.endpoint)
    for name, team in config.team.items():
        for index, one in enumerate(team.agents):
            yield from names.missing(("team", name, "agents", index), "agent", one)
        for index, one in enumerate(team.queues):
            yield from names.missing(("team", name, "queues", index), "queue", one)
    for name, queue in config.queue.items():
        seen: set[str] = set()
        for index, member in enumerate(queue.members):
            path = ("queue", name, "members", index, "agent")
            yield from names.missing(path, "agent", member.agent)
            if member.agent in seen:
                yield Finding(path=path, message=f"agent {member.agent!r} is a member twice")
            seen.add(member.agent)


def _routes(config: Config, names: _Names) -> Iterator[Finding]:
    for number, route in config.route.items():
        if route.when:
            yield from names.missing(("route", number, "when"), "calendar", route.when)
        for index, source in enumerate(route.source):
            kind, _, name = source.partition(":")
            if kind in ("trunk", "endpoint") and name not in ("", "*"):
                yield from names.missing(("route", number, "source", index), kind, name)
        yield from _proxied(number, route)
        from_trunk = not route.source or any(source.startswith("trunk:") for source in route.source)
        target = _parsed(route.to)
        if from_trunk and target is not None and target.kind in OUTWARD:
            yield Finding(
                path=("route", number, "source") if route.source else ("route", number),
                message="lets callers from trunks call out through a trunk, at your cost",
                expected='source = ["endpoint:*"] where only phones may',
                warning=True,
            )


def _proxied(number: str, route: Route) -> Iterator[Finding]:
    """What can be proxied only where the route leads to somebody who could take it."""
    target = _parsed(route.to)
    if target is None:
        return
    for key, asked, kinds in (
        ("direct_media", route.direct_media, ("extension",)),
        ("messages", route.messages, ("extension", "trunk")),
    ):
        if asked and target.kind not in kinds:
            yield Finding(
                path=("route", number, key),
                message=f"means nothing for {route.to}",
                expected=" or ".join(f'to = "{kind}:NAME"' for kind in kinds),
            )


def _flows(config: Config, names: _Names) -> Iterator[Finding]:
    for name, flow in config.flow.items():
        for node_name, node in flow.node.items():
            path: Path = ("flow", name, "node", node_name)
            match node:
                case Enqueue() if "{" not in node.queue:
                    yield from names.missing((*path, "queue"), "queue", node.queue)
                case Record():
                    yield from names.missing((*path, "box"), "message", node.box)
                case Branch() if node.calendar:
                    yield from names.missing((*path, "calendar"), "calendar", node.calendar)
                case Dial() | Transfer():
                    yield from names.target((*path, "target"), node.target)
                case _:
                    pass


def _phones(config: Config) -> Iterator[Finding]:
    for name, endpoint in config.endpoint.items():
        if endpoint.auth is None and not endpoint.contact:
            message = "has neither auth nor contact, so it can neither register nor be called"
            yield Finding(
                path=("endpoint", name), message=message, expected="auth = { secret_file = … }, or contact"
            )
        if endpoint.mwi_unsolicited and not endpoint.mailbox:
            yield Finding(
                path=("endpoint", name, "mwi_unsolicited"), message="needs mailbox, which is not there"
            )
        if endpoint.match and not endpoint.contact:
            message = "counts only for phones with a fixed contact"
            yield Finding(path=("endpoint", name, "match"), message=message)
    users: dict[str, str] = {}
    for name, endpoint in config.endpoint.items():
        user = (endpoint.auth.user if endpoint.auth else "") or name
        if endpoint.auth is not None and users.setdefault(user, name) != name:
            message = f"user {user!r} is also that of endpoint {users[user]!r}"
            yield Finding(path=("endpoint", name, "auth", "user"), message=message)
    for name, trunk in config.trunk.items():
        if trunk.auth is None and (trunk.challenge or trunk.register is not None):
            key = "challenge" if trunk.challenge else "register"
            yield Finding(path=("trunk", name, key), message="needs auth, which this trunk does not have")


def _networks(config: Config) -> Iterator[Finding]:
    """Two owners of one address: whose call it is would depend on the order of the file."""
    owned: list[tuple[Path, str, ipaddress.IPv4Network | ipaddress.IPv6Network]] = []
    for section, entries in (("trunk", config.trunk), ("endpoint", config.endpoint)):
        for name, entry in entries.items():
            for index, text in enumerate(entry.match):
                try:
                    network = ipaddress.ip_network(text)
                except ValueError:
                    continue
                owned.append(((section, name, "match", index), f"{section} {name!r}", network))
    for (_, first_owner, first), (path, owner, network) in combinations(owned, 2):
        if owner != first_owner and first.version == network.version and first.overlaps(network):
            yield Finding(path=path, message=f"{network} overlaps {first} of {first_owner}")


def _addresses(config: Config) -> Iterator[Finding]:
    seen: dict[tuple[str, str, int], int] = {}
    for index, text in enumerate(config.sip.listen):
        path: Path = ("sip", "listen", index)
        try:
            address = listen_address(text)
        except ValueError:
            continue
        transport, host, port = address
        for other_transport, other, other_port in seen:
            any_host = host == other or "0.0.0.0" in (host, other) or "::" in (host, other)
            same = (transport == "udp") == (other_transport == "udp") and (":" in host) == (":" in other)
            if port and port == other_port and same and any_host:
                yield Finding(path=path, message=f"{text} is already listened on")
        seen[address] = index
        try:
            first, last = port_range(config.rtp.ports)
        except ValueError:
            continue
        if transport == "udp" and first <= port <= last:
            yield Finding(path=("rtp", "ports"), message=f"{config.rtp.ports} holds the SIP port {port}")


def _features(config: Config) -> Iterator[Finding]:
    yield from _told_apart(config, _PRESSED_FEATURES)
    yield from _told_apart(config, _DIALLED_FEATURES)
    codes = _codes(config, _DIALLED_FEATURES)
    for name, code in codes.items():
        for section in ("endpoint", "route"):
            for number in getattr(config, section):
                if number.startswith(code):
                    yield Finding(
                        path=(section, number), message=f"begins with {code}, the feature code of {name}"
                    )


def _codes(config: Config, names: tuple[str, ...]) -> dict[str, str]:
    return {name: getattr(config.features, name) for name in names if getattr(config.features, name)}


def _told_apart(config: Config, names: tuple[str, ...]) -> Iterator[Finding]:
    for (first, first_code), (second, code) in combinations(_codes(config, names).items(), 2):
        if code.startswith(first_code) or first_code.startswith(code):
            message = f"{code} cannot be told from {first_code}, which is {first}"
            yield Finding(path=("features", second), message=message)


def _supervisors(config: Config, names: _Names) -> Iterator[Finding]:
    for section, entries in (("endpoint", config.endpoint), ("agent", config.agent)):
        for name, entry in entries.items():
            for index, queue in enumerate(entry.supervises):
                if queue != "*":
                    yield from names.missing((section, name, "supervises", index), "queue", queue)


def _conferences(config: Config) -> Iterator[Finding]:
    for name, room in config.conference.items():
        if room.admin_pin and room.admin_pin == room.pin:
            yield Finding(path=("conference", name, "admin_pin"), message="is the pin of everybody")
        if room.admin_pin and not room.pin:
            message = "is never asked for: without a pin everybody comes straight in"
            yield Finding(path=("conference", name, "admin_pin"), message=message)


def _served(config: Config) -> Iterator[Finding]:
    for name, queue in config.queue.items():
        candidates = [member.agent for member in queue.members] or (
            list(config.agent) if queue.skills else []
        )
        if not candidates:
            message = "has no members and needs no skills, so every agent serves it"
            yield Finding(path=("queue", name), message=message, warning=True)
            continue
        for skill, level in queue.skills.items():
            if not any(config.agent[agent].skills.get(skill, 0) >= level for agent in candidates):
                known = {word for agent in config.agent.values() for word in agent.skills}
                yield Finding(
                    path=("queue", name, "skills", skill),
                    message=f"no agent of this queue has {skill!r} at level {level} or more",
                    did_you_mean="" if skill in known else nearest(skill, known),
                    warning=True,
                )
        able = [
            agent
            for agent in candidates
            if all(config.agent[agent].skills.get(skill, 0) >= level for skill, level in queue.skills.items())
        ]
        if len(queue.skills) > 1 and not able:
            yield Finding(
                path=("queue", name, "skills"), message="no one agent has all of them", warning=True
            )


def _circles(config: Config) -> Iterator[Finding]:
    """Overflow that leads back: a caller would wander for ever. Leaving by key is the caller's own choice."""
    told: set[frozenset[str]] = set()
    for way in ("on_timeout", "on_full", "on_empty"):
        for start in config.queue:
            trail = [start]
            while True:
                target = _parsed(getattr(config.queue[trail[-1]], way))
                if target is None or target.kind != "queue":
                    break
                if target.name in trail:
                    ring = trail[trail.index(target.name) :]
                    if frozenset(ring) not in told:
                        told.add(frozenset(ring))
                        circle = " → ".join([*ring, ring[0]])
                        message = f"callers would go round in a circle: {circle}"
                        yield Finding(
                            path=("queue", ring[-1], way), message=message, warning=way == "on_timeout"
                        )
                    break
                trail.append(target.name)
