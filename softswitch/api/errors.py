"""Errors of the control API: each knows its HTTP status and what the person may do about it."""

from softswitch.errors import OurError, PeerError, SoftswitchError, StorageError


class ApiError(PeerError):
    """The request cannot be served; answered with `http_status` and JSON `{"error", "hint"}`."""

    http_status = 400

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadRequest(ApiError):
    """Body or query that cannot be read."""


class NotProven(ApiError):
    """Nobody knows who asks."""

    http_status = 401


class NotAllowed(ApiError):
    """Whoever asks lacks a right, which the message names."""

    http_status = 403


class UnknownThing(ApiError):
    """No call, queue, agent, recording … of that name."""

    http_status = 404


class NotPossible(ApiError):
    """It exists, but its state does not allow this now."""

    http_status = 409


def http_status(error: SoftswitchError) -> int:
    """The HTTP status an error of any room is answered with."""
    if isinstance(error, ApiError):
        return error.http_status
    if isinstance(error, StorageError):
        return 503
    if isinstance(error, OurError):
        return 503 if error.sip_status == 503 else 500
    return 400
