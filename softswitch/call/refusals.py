"""Why an order of people in charge cannot be carried out: it names nothing, or its time is not now."""

from softswitch.errors import PeerError


class Refusal(PeerError):
    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NoSuch(Refusal):
    """No call, agent, phone, conference … of that name."""

    sip_status = 404


class Unreadable(Refusal):
    """The words of the order mean nothing."""

    sip_status = 400


class NotNow(Refusal):
    """It exists, but it or its rights do not allow this now."""

    sip_status = 403
