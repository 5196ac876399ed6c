"""From a folder of Asterisk's configuration files to one of ours: `pjsip.conf`, `agents.conf`, `queues.conf`.

Pure: the caller brings a function that reads a file, or those that a name with wild cards means.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from softswitch.asterisk.conf_file import ConfFile, parse
from softswitch.asterisk.draft import Draft, Note
from softswitch.asterisk.import_pjsip import import_pjsip
from softswitch.asterisk.import_queues import import_agents, import_queues
from softswitch.asterisk.toml import document

Read = Callable[[str], Iterable[tuple[str, str]]]
ORDER = ("general", "sip", "endpoint", "trunk", "agent", "queue")
_IMPORTERS: tuple[tuple[str, Callable[[ConfFile, Draft], None]], ...] = (
    ("pjsip.conf", import_pjsip),
    ("agents.conf", import_agents),
    ("queues.conf", import_queues),
)
"""Phones first: agents and members have one."""
_UNREAD = (
    "extensions.conf",
    "voicemail.conf",
    "musiconhold.conf",
    "queuerules.conf",
    "sip.conf",
    "pjsip_wizard.conf",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    text: str
    """TOML."""
    read: tuple[str, ...]
    """Files that were there."""
    notes: tuple[Note, ...]
    carried: int
    """Lines that are in the result as they were, or are so here in any case."""
    made: dict[str, int]
    """Entries of the result by section."""

    @property
    def lost(self) -> int:
        return sum(note.kind == "lost" for note in self.notes)

    @property
    def changed(self) -> int:
        return sum(note.kind == "changed" for note in self.notes)


def import_asterisk(read: Read) -> Imported:
    draft, found = Draft(), []
    for name, importer in _IMPORTERS:
        for file, text in read(name):
            conf = parse(file, text, read)
            importer(conf, draft)
            for trouble in conf.troubles:
                draft.notes[Note(trouble.file, trouble.line, trouble.text, "lost", trouble.why)] = None
            found.append(file)
    for name in _UNREAD:
        for file, _ in read(name):
            draft.remark(file, "is not read")
    tables = {section: draft.tables[section] for section in ORDER if draft.tables.get(section)}
    told = {(note.file, note.line) for note in draft.notes if note.kind != "note"}
    return Imported(
        text=document(tables),
        read=tuple(found),
        notes=tuple(sorted(draft.notes, key=lambda note: (note.file, note.line))),
        carried=len(draft.carried - told),
        made={section: len(table) for section, table in tables.items() if section not in ("general", "sip")},
    )
