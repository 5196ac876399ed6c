"""`pjsip.conf`: who is a phone and who is a trunk, and what of each can be carried over.

Asterisk's endpoint is a phone here when it authenticates itself or registers, or has a fixed address with a user; it is a
trunk when we register there, when it is known by its address (`identify`), or when it has an address without a user.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.asterisk.conf_file import ConfFile, Section
from softswitch.asterisk.draft import Draft, Taking
from softswitch.asterisk.import_peer import Peer
from softswitch.asterisk.import_phone import import_phone
from softswitch.asterisk.import_transport import import_global, import_transport
from softswitch.asterisk.import_trunk import import_registration, import_trunk

_HANDLED = frozenset({"endpoint", "auth", "aor", "identify", "registration", "transport", "global"})
_OTHERS = {
    "acl": "write `match` of the trunk, or [security]",
    "system": "timers are in [sip]",
    "contact": "contacts are kept in the database",
    "domain_alias": "write `sip.domains`",
    "phoneprov": "phones are not provisioned",
    "resource_list": "lists of resources (RFC 4662) are not served",
}


@dataclass(slots=True)
class Objects:
    """Sections by type and name."""

    conf: ConfFile

    def of(self, kind: str) -> Iterator[Section]:
        return (section for section in self.conf.real if section.last("type").lower() == kind)

    def find(self, kind: str, name: str) -> Section | None:
        """Where a name stands twice, the last."""
        found = [section for section in self.of(kind) if section.name == name]
        return found[-1] if found else None

    def named_in(self, section: Section, kind: str, key: str) -> list[Section]:
        """Those that a comma-separated list of names means."""
        names = [name.strip() for name in section.last(key).split(",")]
        return [found for name in names if name and (found := self.find(kind, name)) is not None]


def import_pjsip(conf: ConfFile, draft: Draft) -> None:
    objects = Objects(conf)
    for section in objects.of("transport"):
        import_transport(section, draft)
    for section in objects.of("global"):
        import_global(section, draft)
    used: set[int] = set()
    for endpoint in objects.of("endpoint"):
        peer = _peer(objects, endpoint)
        used.update(
            id(each)
            for each in (*peer.auths, *peer.outbound, *peer.aors, *peer.identifies, *peer.registrations)
        )
        (import_trunk if peer.is_trunk else import_phone)(peer, draft)
    for registration in objects.of("registration"):
        if id(registration) not in used:
            outbound = tuple(objects.named_in(registration, "auth", "outbound_auth"))
            used.update(map(id, outbound))
            import_registration(registration, outbound, draft)
    _rest(objects, used, draft)


def _peer(objects: Objects, endpoint: Section) -> Peer:
    name = endpoint.name
    aors = tuple(objects.named_in(endpoint, "aor", "aors"))
    outbound = tuple(objects.named_in(endpoint, "auth", "outbound_auth"))
    return Peer(
        endpoint=endpoint,
        auths=tuple(objects.named_in(endpoint, "auth", "auth")),
        outbound=outbound,
        aors=aors,
        identifies=tuple(each for each in objects.of("identify") if each.last("endpoint") == name),
        registrations=tuple(
            each
            for each in objects.of("registration")
            if _belongs(each, name, aors, endpoint.last("outbound_auth"))
        ),
    )


def _belongs(registration: Section, endpoint: str, aors: tuple[Section, ...], auth: str) -> bool:
    """Asterisk does not need to know; here a registration is a trunk's: by its `endpoint`, its host or its credentials."""
    if registration.last("endpoint"):
        return registration.last("endpoint") == endpoint
    host = _host(registration.last("server_uri"))
    if any(host and host == _host(aor.last("contact")) for aor in aors):
        return True
    return bool(auth) and registration.last("outbound_auth") == auth


def _host(address: str) -> str:
    return (
        address.lower()
        .removeprefix("sips:")
        .removeprefix("sip:")
        .rpartition("@")[2]
        .split(";")[0]
        .split(":")[0]
    )


def _rest(objects: Objects, used: set[int], draft: Draft) -> None:
    """Sections that nobody has asked for."""
    for section in objects.conf.real:
        kind = section.last("type").lower()
        if id(section) in used or kind in ("endpoint", "registration", "transport", "global"):
            continue
        why = _OTHERS.get(
            kind, "no endpoint uses it" if kind in _HANDLED else "sections of this type are not read"
        )
        taking = Taking(draft, section, {entry.key.lower(): why for entry in section.entries})
        draft.remark(section.file, why, section.line, f"[{section.name}]")
        taking.finish()
