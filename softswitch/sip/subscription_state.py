"""The states of one subscription as its notifier sees them: one NOTIFY under way at most, the latest state wins.

RFC 6665 section 4.2.2, figure 3, where all but ENDED are `active`: nobody here decides later whether somebody may
subscribe, so `pending` does not occur. Policy for an input that a state does not name: it is ignored, since whatever
comes to a subscription that ends comes too late.
"""

from collections.abc import Mapping
from enum import StrEnum


class SubscriptionState(StrEnum):
    IDLE = "idle"
    """The subscriber knows all."""
    WAITING = "waiting"
    """There is news, but the last NOTIFY was too short a while ago."""
    NOTIFYING = "notifying"
    """A NOTIFY is not answered yet."""
    STALE = "stale"
    """The same, and there is news since."""
    LAST = "last"
    """The same, and it is over: the last NOTIFY follows."""
    ENDING = "ending"
    """The last NOTIFY is not answered yet."""
    ENDED = "ended"


class SubscriptionInput(StrEnum):
    CHANGED = "changed"
    PACE_OVER = "pace over"
    ACCEPTED = "accepted"
    """2xx, or a failure that does not end it."""
    REFUSED = "refused"
    """It is unknown at the subscriber, or nobody answers."""
    OVER = "over"


class SubscriptionAction(StrEnum):
    PACE = "pace"
    """Wait until the next NOTIFY may be sent."""
    STOP_PACE = "stop pace"
    NOTIFY = "notify"
    NOTIFY_LAST = "notify last"
    FORGET = "forget"


_S, _I, _A = SubscriptionState, SubscriptionInput, SubscriptionAction

Row = tuple[tuple[SubscriptionAction, ...], SubscriptionState]
NOTIFIER: Mapping[tuple[SubscriptionState, SubscriptionInput], Row] = {
    (_S.IDLE, _I.CHANGED): ((_A.PACE,), _S.WAITING),
    (_S.IDLE, _I.OVER): ((_A.NOTIFY_LAST,), _S.ENDING),
    (_S.WAITING, _I.PACE_OVER): ((_A.NOTIFY,), _S.NOTIFYING),
    (_S.WAITING, _I.OVER): ((_A.STOP_PACE, _A.NOTIFY_LAST), _S.ENDING),
    (_S.NOTIFYING, _I.CHANGED): ((), _S.STALE),
    (_S.NOTIFYING, _I.ACCEPTED): ((), _S.IDLE),
    (_S.NOTIFYING, _I.REFUSED): ((_A.FORGET,), _S.ENDED),
    (_S.NOTIFYING, _I.OVER): ((), _S.LAST),
    (_S.STALE, _I.ACCEPTED): ((_A.PACE,), _S.WAITING),
    (_S.STALE, _I.REFUSED): ((_A.FORGET,), _S.ENDED),
    (_S.STALE, _I.OVER): ((), _S.LAST),
    (_S.LAST, _I.ACCEPTED): ((_A.NOTIFY_LAST,), _S.ENDING),
    (_S.LAST, _I.REFUSED): ((_A.FORGET,), _S.ENDED),
    (_S.ENDING, _I.ACCEPTED): ((_A.FORGET,), _S.ENDED),
    (_S.ENDING, _I.REFUSED): ((_A.FORGET,), _S.ENDED),
}
