"""Handlers for what a peer says, or does not, to a request of ours whose outcome changes nothing: BYE, CANCEL, PRACK."""

from softswitch.sip.message import Response


def any_response(response: Response, now: float) -> None:
    """Whatever it says."""


def any_failure(cause: str, now: float) -> None:
    """Nor does silence change anything."""


def nothing_to_accept() -> None:
    """A session that ended without a BYE of the peer has none to answer."""
