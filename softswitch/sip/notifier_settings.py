"""How much the notifier may take on, and what it has done."""

from collections import Counter
from dataclasses import dataclass, field

from softswitch.config.subscriptions import Subscriptions
from softswitch.sip.subscribe_request import SubscriptionTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierSettings:
    times: SubscriptionTimes = field(default_factory=SubscriptionTimes)
    most: int = 10_000
    """Subscriptions at once."""
    most_of_one: int = 200
    """Of one phone or trunk."""
    per_second: float = 4.0
    """NOTIFYs to one subscription."""

    @classmethod
    def from_config(cls, subscriptions: Subscriptions) -> "NotifierSettings":
        return cls(
            times=SubscriptionTimes(
                least_s=subscriptions.min_expires_s,
                default_s=subscriptions.default_expires_s,
                longest_s=subscriptions.max_expires_s,
            ),
            most=subscriptions.most,
            most_of_one=subscriptions.most_per_peer,
            per_second=subscriptions.per_second,
        )


@dataclass(slots=True)
class NotifierStats:
    accepted: int = 0
    """Subscriptions that began."""
    refreshed: int = 0
    notified: int = 0
    """NOTIFYs sent, in those that are over."""
    changes: int = 0
    """Changes of what somebody watches."""
    refused: Counter[int] = field(default_factory=Counter)
    """SUBSCRIBEs by status."""
    ended: Counter[str] = field(default_factory=Counter)
    """Subscriptions by the reason of their end."""
