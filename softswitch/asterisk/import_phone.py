"""Endpoints of `pjsip.conf` that are phones here, with their credentials and addresses."""

import re

from softswitch.asterisk.draft import Draft, Taking, named
from softswitch.asterisk.import_peer import REASONS, SO_HERE, Peer, credentials, media

_CALLER = re.compile(r'"?([^"<]*?)"?\s*<([^>]*)>')
_AOR_REASONS = {
    **REASONS,
    "qualify_frequency": "phones are not probed: a registration that is not refreshed ends",
    "default_expiration": "is `sip.default_expires_s` for all phones",
    "minimum_expiration": "is `sip.min_expires_s` for all phones",
    "maximum_expiration": "is `sip.max_expires_s` for all phones",
}
MAX_CONTACTS = 5
"""`sip.max_contacts`, which holds for all."""


def import_phone(peer: Peer, draft: Draft) -> None:
    section = peer.endpoint
    name = named(section.name)
    taking = Taking(draft, section, REASONS)
    if name != section.name:
        draft.remark(section.file, f"is called {name} here", section.line, f"[{section.name}]")
    table = draft.table("endpoint", name)
    for key in ("aors", "auth", "outbound_auth"):
        taking.all(key)
    for auth in (*peer.auths, *peer.outbound)[:1]:
        made = credentials(auth, draft, name)
        if made is not None:
            table["auth"] = made
    _addresses(peer, draft, table)
    _shown(taking, table)
    media(taking, table)
    _groups(taking, table)
    most = taking.number("device_state_busy_at")
    if most:
        table["max_calls"] = int(most)
    if "auth" not in table and "contact" not in table:
        del draft.section("endpoint")[name]
        why = "has neither credentials nor a fixed address, so that nobody could be it"
        draft.remark(section.file, why, section.line, f"[{section.name}]")
        for entry in section.entries:
            taking.lose(entry, why)
        return
    taking.finish(SO_HERE)


def _addresses(peer: Peer, draft: Draft, table: dict[str, object]) -> None:
    for aor in peer.aors:
        taking = Taking(draft, aor, _AOR_REASONS)
        contacts = taking.all("contact")
        for entry in contacts[:1]:
            table["contact"] = entry.value
        for entry in contacts[1:]:
            taking.lose(entry, "a phone has one fixed address here")
        most = taking.last("max_contacts")
        if most is not None and most.value.isdecimal() and int(most.value) > MAX_CONTACTS:
            taking.change(most, f"is `sip.max_contacts` for all phones, {MAX_CONTACTS}")
        taking.finish(SO_HERE)
    for identify in peer.identifies:
        taking = Taking(draft, identify, {"match_header": "phones are known by digest or address"})
        taking.all("endpoint")
        networks = [word.strip() for entry in taking.all("match") for word in entry.value.split(",")]
        if "contact" in table:
            table["match"] = networks
        taking.finish(SO_HERE)


def _shown(taking: Taking, table: dict[str, object]) -> None:
    """`callerid = Name <number>`"""
    entry = taking.last("callerid")
    match = _CALLER.fullmatch(entry.value) if entry is not None else None
    if match is not None:
        if match[1].strip():
            table["display_name"] = match[1].strip()
        if match[2].strip() and match[2].strip() != taking.section.name:
            table["caller_number"] = match[2].strip()
    elif entry is not None and entry.value:
        table["display_name"] = entry.value
    language = taking.last("language")
    if language is not None and language.value[:2].lower() in ("en", "es", "ro"):
        table["language"] = language.value[:2].lower()
    elif language is not None and language.value:
        taking.lose(language, "prompts are en, es and ro")


def _groups(taking: Taking, table: dict[str, object]) -> None:
    """A group here is both called and picked up."""
    words: list[str] = []
    entries = [each for key in ("pickup_group", "named_pickup_group") for each in taking.all(key)]
    for entry in entries:
        words += [word.strip() for word in entry.value.split(",") if word.strip()]
    called = [each for key in ("call_group", "named_call_group") for each in taking.all(key)]
    for entry in called:
        theirs = [word.strip() for word in entry.value.split(",") if word.strip()]
        if set(theirs) - set(words):
            taking.change(entry, "phones of one of `pickup_groups` pick each other's calls up")
        words += theirs
    if words:
        table["pickup_groups"] = list(dict.fromkeys(words))
