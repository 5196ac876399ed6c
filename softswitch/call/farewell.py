"""What peers are to be told when nobody goes on with their dialogs: which to hang up, and which INVITEs to end, as values.

The row of any call tells of both, also one that cannot be read as a whole; so do rows of their own (`farewells.py`).
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import msgspec

from softswitch.call.leg import Leg
from softswitch.call.snapshot import read_later
from softswitch.compact import compact, decoder
from softswitch.config.schema import Config
from softswitch.ids import LegId
from softswitch.sip.dialog import DialogState
from softswitch.sip.masked_keys import masked
from softswitch.sip.open_invite import OpenInvite
from softswitch.sip.session_snapshot import SEQUENCE_GAP, SessionSnapshot, snapshot_of
from softswitch.value import replaced


class Parting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An established dialog, as far as it takes to end it: what a call's row has of a leg has all of it."""

    leg: LegId
    party: str
    direction: str
    answered: float
    described: str
    """Empty: nothing that is known."""
    session: SessionSnapshot


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    stage: Any = None
    """That of a call that may go on."""
    open: tuple[OpenInvite, ...] = ()
    legs: tuple[Parting, ...] = ()

    @property
    def needed(self) -> bool:
        return bool(self.open or self.legs)

    def to_json(self) -> str:
        return compact({"open": self.open, "legs": self.legs})

    def beside(self, kept: "Farewell | None") -> "Farewell":
        """With what was still to be said before, to each once."""
        if kept is None:
            return self
        return Farewell(
            stage=self.stage,
            open=tuple({one.head: one for one in (*kept.open, *self.open)}.values()),
            legs=tuple({one.leg: one for one in (*kept.legs, *self.legs)}.values()),
        )

    @property
    def said_once(self) -> "Farewell":
        """As it is to be said after another crash: sequence numbers that this process may take are not used twice."""
        return Farewell(
            open=tuple(
                replaced(
                    one,
                    dialog=_beyond(one.dialog) if one.dialog is not None else None,
                    forks=tuple(map(_beyond, one.forks)),
                )
                for one in self.open
            ),
            legs=tuple(
                replaced(one, session=replaced(one.session, dialog=_beyond(one.session.dialog)))
                for one in self.legs
            ),
        )

    def but(self, tags: Collection[str], *, legs: bool) -> "Farewell":
        """Without dialogs that go on, by our tags, and without legs at all when these go on."""
        return Farewell(
            open=tuple(one for one in self.open if _tag(one) not in tags),
            legs=tuple(one for one in self.legs if legs and one.session.dialog.local_tag not in tags),
        )


read_farewell: Final = decoder(Farewell)
"""Of any call's row, or of one of its own. Raises ValueError when it is none of ours."""


def read_open(text: str) -> tuple[OpenInvite, ...]:
    """Of the same; raises ValueError."""
    return read_farewell(text).open


def is_answered(text: str) -> bool:
    """A row of a call that may go on. Raises ValueError."""
    return read_farewell(text).stage is not None


def parting_of(leg: Leg, config: Config) -> Parting | None:
    """None when it is not established."""
    session = leg.session
    dialog = snapshot_of(session, lambda: read_later(config)) if session is not None else None
    if dialog is None:
        return None
    return Parting(
        leg=leg.id,
        party=leg.party,
        direction=leg.direction,
        answered=leg.answered or leg.began,
        described=masked(leg.described) if leg.described is not None else "",
        session=dialog,
    )


def _beyond(dialog: DialogState) -> DialogState:
    return replace(dialog, local_sequence=dialog.local_sequence + SEQUENCE_GAP)


def _tag(invite: OpenInvite) -> str:
    return invite.tag or (invite.dialog.local_tag if invite.dialog is not None else "")
