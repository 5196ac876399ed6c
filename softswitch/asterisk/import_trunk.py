"""Endpoints of `pjsip.conf` that are trunks here, and registrations at providers."""

import ipaddress

from softswitch.asterisk.conf_file import Section
from softswitch.asterisk.draft import YES, Draft, Taking, named
from softswitch.asterisk.import_peer import REASONS, SO_HERE, Peer, credentials, media

_REGISTRATION = {
    "contact_user": "providers reach us by the address of record",
    "outbound_proxy": "write `outbound_proxy` of the trunk",
    "transport": REASONS["transport"],
}
_RELIABLE = {"no": "off", "required": "required"}
"""Of `100rel`; its other values leave it to what both can do, as we do."""


def import_trunk(peer: Peer, draft: Draft) -> None:
    section = peer.endpoint
    name = named(section.name)
    host = peer.contact or next((each.last("server_uri") for each in peer.registrations), "")
    table = draft.table("trunk", name)
    table["host"] = _bare(host)
    taking = Taking(draft, section, REASONS)
    for key in ("aors", "auth", "outbound_auth"):
        taking.all(key)
    outbound = peer.outbound or tuple(peer.auths)
    for auth in outbound[:1]:
        made = credentials(auth, draft, name)
        if made is not None:
            table["auth"] = made
    if peer.auths and not peer.outbound and "auth" in table:
        table["challenge"] = True
    _addresses(peer, draft, table)
    media(taking, table)
    reliable = taking.text("100rel").lower()
    if reliable in _RELIABLE:
        table["reliable_provisionals"] = _RELIABLE[reliable]
    if taking.yes("trust_id_inbound"):
        table["trusted"] = True
    caller = taking.last("from_user")
    if caller is not None and caller.value:
        table["caller_number"] = caller.value
    proxy = taking.text("outbound_proxy")
    if proxy:
        table["outbound_proxy"] = _bare(proxy.replace("\\", ""))
    entry = taking.last("callerid")
    if entry is not None:
        taking.lose(entry, "callers of a trunk show their own numbers")
    taking.finish(SO_HERE)
    for registration in peer.registrations[:1]:
        _register(registration, draft, table)
    if "register" in table and "auth" not in table:
        del table["register"]
        draft.remark(
            section.file, "registers without a password: not carried over", section.line, f"[{section.name}]"
        )


def import_registration(section: Section, outbound: tuple[Section, ...], draft: Draft) -> None:
    """One that belongs to no endpoint: a trunk of its own, whose calls come from the registrar."""
    name = named(section.name)
    made = next((made for auth in outbound if (made := credentials(auth, draft, name)) is not None), None)
    if made is None or not section.last("server_uri"):
        why = "has no password or no server; a trunk needs both to register"
        draft.remark(section.file, why, section.line, f"[{section.name}]")
        Taking(draft, section, {entry.key.lower(): why for entry in section.entries}).finish()
        return
    table = draft.table("trunk", name)
    table["host"] = _bare(section.last("server_uri"))
    table["auth"] = made
    _register(section, draft, table)
    draft.remark(section.file, f"is trunk {name} here", section.line, f"[{section.name}]")


def _register(section: Section, draft: Draft, table: dict[str, object]) -> None:
    taking = Taking(draft, section, _REGISTRATION)
    register: dict[str, object] = {}
    for theirs, ours in (("server_uri", "server"), ("client_uri", "aor")):
        entry = taking.last(theirs)
        if entry is not None and entry.value:
            register[ours] = _bare(entry.value) if ours == "server" else entry.value
    expires = taking.number("expiration")
    if expires:
        register["expires_s"] = int(expires)
    retry = taking.number("retry_interval")
    if retry:
        register["retry_min_s"] = retry
        register["retry_max_s"] = max(300.0, retry)
    for key in ("endpoint", "outbound_auth"):
        taking.all(key)
    taking.finish(SO_HERE)
    table["register"] = register


def _addresses(peer: Peer, draft: Draft, table: dict[str, object]) -> None:
    for aor in peer.aors:
        taking = Taking(draft, aor, REASONS)
        for entry in taking.all("contact")[1:]:
            taking.lose(entry, "a trunk has one host here; several are a [trunk_group]")
        every = taking.number("qualify_frequency")
        if every is not None:
            table["options_interval_s"] = every
        proxy = taking.text("outbound_proxy")
        if proxy:
            table["outbound_proxy"] = _bare(proxy.replace("\\", ""))
        taking.finish({*SO_HERE, "max_contacts", "qualify_timeout"})
    networks: list[str] = []
    for identify in peer.identifies:
        taking = Taking(draft, identify, {"match_header": "a trunk is known by its address"})
        taking.all("endpoint")
        for entry in taking.all("match"):
            for word in entry.value.split(","):
                network = _network(word.strip())
                if network:
                    networks.append(network)
                else:
                    taking.lose(
                        entry,
                        "is a name; `match` takes networks, and the host of a trunk is looked up anyway",
                    )
        lookup = taking.last("srv_lookups")
        if lookup is not None and lookup.value.lower() not in YES:
            taking.change(lookup, "names are looked up as RFC 3263 says")
        taking.finish(SO_HERE)
    if networks:
        table["match"] = networks


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return ""


def _bare(address: str) -> str:
    """Without the user, and without `lr`: hosts of ours are proxied to loosely in any case."""
    scheme, _, rest = address.partition(":")
    host = rest.rpartition("@")[2]
    parts = [part for part in host.split(";") if part and part.lower() != "lr"]
    return f"{scheme.lower()}:{';'.join(parts)}"
