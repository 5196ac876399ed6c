"""Handlers for what changes nothing: what a peer says, or does not, to our BYE, CANCEL or PRACK, and what comes when a
session is over. Who is told by these is held by nobody: a call that has ended is freed at once."""

from softswitch.sip.message import Response


def any_response(response: Response, now: float) -> None:
    """Whatever it says."""


def any_failure(cause: str, now: float) -> None:
    """Nor does silence change anything."""


def nothing_to_accept() -> None:
    """A session that ended without a BYE of the peer has none to answer."""


def no_time(now: float) -> None:
    """A timer of a session that is over."""


def nobody_listens(event: object) -> None:
    """What a session that is over would tell."""
