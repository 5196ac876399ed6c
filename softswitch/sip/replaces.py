"""The Replaces header (RFC 3891): which dialog an INVITE, or the INVITE that a REFER asks for, is to take the place of.

Owns the value and how it is compared with a dialog of ours. Whether whoever asks may do so is for the call to judge.
"""

from dataclasses import dataclass

from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import ParseError
from softswitch.sip.message import Request
from softswitch.sip.params import Params

LONGEST = 512
"""Characters of a whole value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaces:
    call_id: str
    to_tag: str
    """The tag of who receives it: ours."""
    from_tag: str
    """The tag of the peer of that dialog."""
    early_only: bool = False
    """Not when somebody has answered."""

    @classmethod
    def parse(cls, value: str) -> "Replaces":
        if len(value) > LONGEST:
            raise ParseError("a Replaces that is too long")
        call_id, semicolon, rest = value.partition(";")
        call_id = call_id.strip(" \t")
        if not call_id or " " in call_id or not semicolon:
            raise ParseError("a Replaces without Call-ID or tags")
        params = Params.parse(semicolon + rest)
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not to_tag or not from_tag:
            raise ParseError("a Replaces without both tags")
        return cls(call_id=call_id, to_tag=to_tag, from_tag=from_tag, early_only="early-only" in params)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"

    def names(self, dialog: Dialog) -> bool:
        """Both tags, or a 0 for the missing tag of a peer of RFC 2543 (section 3)."""
        state = dialog.state
        theirs = self.from_tag == state.remote_tag or (self.from_tag == "0" and not state.remote_tag)
        return theirs and (self.call_id, self.to_tag) == (state.call_id, state.local_tag)


def replaces_of(request: Request) -> Replaces | None:
    """What this INVITE wants to replace; raises ParseError for more than one, or one that cannot be read."""
    values = request.headers.get_all("Replaces")
    if not values:
        return None
    if len(values) > 1:
        raise ParseError("more than one Replaces", reason="Bad Replaces")
    return Replaces.parse(values[0])
