"""What the control API shows of subscriptions and of messages in boxes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """Somebody who watches something now."""

    subscriber: str
    """`endpoint:NAME`."""
    package: str
    """Event package: `dialog`, `presence`, `reg`, `message-summary`."""
    resource: str
    """`endpoint:1001`, `queue:sales`, `agent:ana`, `box:sales`."""
    address: str
    """The watched address as the subscriber wrote it."""
    parties: bool
    """He sees who the others are."""
    source: str
    """Where its NOTIFYs go, `udp:ADDRESS:PORT`."""
    state: str
    expires_s: float
    version: int
    """Of the next body: how many NOTIFYs there have been."""
    sip_call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsView:
    """Figures since the switch started."""

    subscriptions: Mapping[str, int] = field(default_factory=dict)
    """Now, by package."""
    accepted: int = 0
    refreshed: int = 0
    changes: int = 0
    """Of what somebody watched."""
    notifies: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    """SUBSCRIBEs by status."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """Subscriptions by why they ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    message: str
    """The recording's id."""
    box: str
    began: float
    seconds: float | None
    ani: str
    dnis: str
    call: str
    file: str
    """Absolute path on the switch's machine."""
    heard: float | None
    """When it was marked as heard; None: it is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxView:
    """A message box, whether there is anything in it or not."""

    box: str
    new: int
    old: int
