"""The roots of every error: ours (a fault or a limit of this switch) and a peer's (what it sent cannot be served).

An error classifies itself: a peer's error carries the SIP status to answer with, ours says what to do about it.
"""


class SoftswitchError(Exception):
    """Root of all errors that this package raises on purpose."""


class OurError(SoftswitchError):
    """Something on our side failed or is exhausted; the peer is told `sip_status`."""

    sip_status = 500


class PeerError(SoftswitchError):
    """A peer sent what cannot be served; it is told `sip_status` and, where it helps, `reason` and `headers`."""

    sip_status = 400
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, message: str, *, sip_status: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        if sip_status is not None:
            self.sip_status = sip_status
        self.reason = reason


class MediaError(OurError):
    """No media worker, no free port, or a worker that died."""

    sip_status = 503


class StorageError(OurError):
    """The database or a folder cannot be used; calls go on and rows wait in the spool."""


class UnusableError(OurError):
    """Something named in the configuration cannot be used at start; the message says what to do."""
