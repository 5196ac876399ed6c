"""The states of a session and what leads from one to another: the table that `session.py` runs.

RFC 3261 sections 9 to 15, RFC 3262 section 3, RFC 4028 section 10.

Policy for an input without a row: nothing happens. It is a message that came late, or an owner who did not know yet.
"""

from enum import StrEnum


class SessionState(StrEnum):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    CANCELLING = "cancelling"
    INCOMING = "incoming"
    RINGING = "ringing"
    AWAITING_PRACK = "awaiting PRACK"
    """To be answered as soon as the description in a provisional of ours is acknowledged (RFC 3262 section 3)."""
    ANSWERED = "answered"
    """Our 2xx is out, its ACK is not in."""
    HANGING_UP = "hanging up"
    """To be hung up as soon as the ACK is in (section 15: no BYE before it)."""
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class SessionInput(StrEnum):
    PROVISIONAL = "1xx received"
    SUCCESS = "2xx received"
    UNREADABLE = "2xx cannot be read"
    FAILURE = "300-699 received, or none"
    RING = "1xx sent"
    ANSWER = "2xx sent"
    ANSWER_LATER = "2xx waits for a PRACK"
    PRACK_MISSING = "no PRACK in 64*T1"
    REJECT = "300-699 sent"
    CANCEL = "CANCEL received"
    ACK = "ACK received"
    ACK_MISSING = "no ACK in 64*T1"
    BYE = "BYE received"
    HANG_UP = "owner hangs up"
    LOST = "dialog lost"
    EXPIRED = "session timer expired"


_S, _I = SessionState, SessionInput

NEXT = {
    (_S.CALLING, _I.PROVISIONAL): _S.PROCEEDING,
    (_S.CALLING, _I.SUCCESS): _S.CONFIRMED,
    (_S.CALLING, _I.FAILURE): _S.TERMINATED,
    (_S.CALLING, _I.HANG_UP): _S.CANCELLING,
    (_S.PROCEEDING, _I.PROVISIONAL): _S.PROCEEDING,
    (_S.PROCEEDING, _I.SUCCESS): _S.CONFIRMED,
    (_S.PROCEEDING, _I.FAILURE): _S.TERMINATED,
    (_S.PROCEEDING, _I.HANG_UP): _S.CANCELLING,
    (_S.CANCELLING, _I.SUCCESS): _S.TERMINATED,
    (_S.CANCELLING, _I.FAILURE): _S.TERMINATED,
    (_S.INCOMING, _I.RING): _S.RINGING,
    (_S.INCOMING, _I.ANSWER): _S.ANSWERED,
    (_S.INCOMING, _I.REJECT): _S.TERMINATED,
    (_S.INCOMING, _I.HANG_UP): _S.TERMINATED,
    (_S.INCOMING, _I.CANCEL): _S.TERMINATED,
    (_S.RINGING, _I.RING): _S.RINGING,
    (_S.RINGING, _I.ANSWER): _S.ANSWERED,
    (_S.RINGING, _I.REJECT): _S.TERMINATED,
    (_S.RINGING, _I.HANG_UP): _S.TERMINATED,
    (_S.RINGING, _I.CANCEL): _S.TERMINATED,
    (_S.RINGING, _I.BYE): _S.TERMINATED,
    (_S.RINGING, _I.ANSWER_LATER): _S.AWAITING_PRACK,
    (_S.RINGING, _I.PRACK_MISSING): _S.TERMINATED,
    (_S.AWAITING_PRACK, _I.ANSWER): _S.ANSWERED,
    (_S.AWAITING_PRACK, _I.PRACK_MISSING): _S.TERMINATED,
    (_S.AWAITING_PRACK, _I.REJECT): _S.TERMINATED,
    (_S.AWAITING_PRACK, _I.HANG_UP): _S.TERMINATED,
    (_S.AWAITING_PRACK, _I.CANCEL): _S.TERMINATED,
    (_S.AWAITING_PRACK, _I.BYE): _S.TERMINATED,
    (_S.ANSWERED, _I.ACK): _S.CONFIRMED,
    (_S.ANSWERED, _I.ACK_MISSING): _S.TERMINATED,
    (_S.ANSWERED, _I.BYE): _S.TERMINATED,
    (_S.ANSWERED, _I.HANG_UP): _S.HANGING_UP,
    (_S.HANGING_UP, _I.ACK): _S.TERMINATED,
    (_S.HANGING_UP, _I.ACK_MISSING): _S.TERMINATED,
    (_S.HANGING_UP, _I.BYE): _S.TERMINATED,
    (_S.CONFIRMED, _I.UNREADABLE): _S.TERMINATED,
    (_S.CONFIRMED, _I.BYE): _S.TERMINATED,
    (_S.CONFIRMED, _I.HANG_UP): _S.TERMINATED,
    (_S.CONFIRMED, _I.LOST): _S.TERMINATED,
    (_S.CONFIRMED, _I.EXPIRED): _S.TERMINATED,
    (_S.ANSWERED, _I.LOST): _S.TERMINATED,
}
