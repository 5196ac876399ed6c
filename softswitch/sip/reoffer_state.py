"""Who may offer when inside a running session: the table that `reoffers.py` runs (RFC 3261 section 14, RFC 3311).

Policy for an input without a row: nothing happens.
"""

from enum import StrEnum


class ReofferState(StrEnum):
    IDLE = "idle"
    SENT = "sent"
    BACKING_OFF = "backing off"
    RECEIVED = "received"
    ANSWER_DUE = "answer due"
    """We offered in a 2xx; the answer comes in the ACK."""


class ReofferInput(StrEnum):
    WANTED = "owner wants to offer"
    SUCCESS = "2xx"
    CONFLICT = "491"
    FAILURE = "other final"
    RETRY = "back-off over"
    OFFER = "peer's request"
    ANSWERED = "owner answered"
    OFFERED = "owner offered in the 2xx"
    ACK = "ACK or none in 64*T1"


class ReofferAction(StrEnum):
    SEND = "send re-INVITE"
    KEEP = "keep for later"
    BACK_OFF = "start back-off"
    TELL_OWNER = "tell owner"
    REFUSE_PENDING = "491"
    REFUSE_SECOND = "500 + Retry-After"
    NONE = "-"


_S, _I, _A = ReofferState, ReofferInput, ReofferAction

# RFC 3261 sections 14.1 and 14.2, RFC 3311 section 5.2.
REOFFERS = {
    (_S.IDLE, _I.WANTED): (_A.SEND, _S.SENT),
    (_S.SENT, _I.WANTED): (_A.KEEP, _S.SENT),
    (_S.BACKING_OFF, _I.WANTED): (_A.KEEP, _S.BACKING_OFF),
    (_S.RECEIVED, _I.WANTED): (_A.KEEP, _S.RECEIVED),
    (_S.ANSWER_DUE, _I.WANTED): (_A.KEEP, _S.ANSWER_DUE),
    (_S.SENT, _I.SUCCESS): (_A.TELL_OWNER, _S.IDLE),
    (_S.SENT, _I.CONFLICT): (_A.BACK_OFF, _S.BACKING_OFF),
    (_S.SENT, _I.FAILURE): (_A.TELL_OWNER, _S.IDLE),
    (_S.BACKING_OFF, _I.RETRY): (_A.SEND, _S.SENT),
    (_S.IDLE, _I.OFFER): (_A.TELL_OWNER, _S.RECEIVED),
    (_S.BACKING_OFF, _I.OFFER): (_A.TELL_OWNER, _S.RECEIVED),
    (_S.SENT, _I.OFFER): (_A.REFUSE_PENDING, _S.SENT),
    (_S.RECEIVED, _I.OFFER): (_A.REFUSE_SECOND, _S.RECEIVED),
    (_S.ANSWER_DUE, _I.OFFER): (_A.REFUSE_PENDING, _S.ANSWER_DUE),
    (_S.RECEIVED, _I.ANSWERED): (_A.NONE, _S.IDLE),
    (_S.RECEIVED, _I.OFFERED): (_A.NONE, _S.ANSWER_DUE),
    (_S.ANSWER_DUE, _I.ACK): (_A.NONE, _S.IDLE),
}
