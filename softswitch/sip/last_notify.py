"""A subscription as a value that outlives the process, and the NOTIFY that ends it when the process has died.

Nobody can go on with it: what the subscriber was told since is not known. `deactivated` has him subscribe again at once
(RFC 6665 section 4.1.3), so that no lamp shows the past until its time is up. Our numbers go on well above those written
down, as in `session_snapshot.py`; whoever has forgotten it too answers 481, and that is that.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from softswitch.sip.dialog import Dialog, DialogState
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_snapshot import SEQUENCE_GAP
from softswitch.sip.source import Source
from softswitch.sip.subscription import Subscription
from softswitch.sip.unheeded import any_failure, any_response

AT_ONCE = 32
EVERY_S = 0.05
"""Thousands of lamps that all subscribe again in the same moment would be a flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRecord:
    """Plain values only."""

    dialog: DialogState
    event: str
    """As in the header."""
    flow: Source
    contact: str
    via_host: str
    sticky: bool


def record_of(subscription: Subscription) -> SubscriptionRecord:
    client = subscription.client
    return SubscriptionRecord(
        dialog=client.dialog.state,
        event=subscription.subscriber.event.header,
        flow=client.flow,
        contact=client.contact,
        via_host=client.via_host,
        sticky=client.sticky,
    )


class LastNotifies:
    """Sends them, a few at a time."""

    __slots__ = ("_common", "_layer", "_left")

    def __init__(
        self,
        layer: SessionLayer,
        common: tuple[tuple[str, str], ...],
        records: Iterable[SubscriptionRecord],
    ) -> None:
        self._layer = layer
        self._common = common
        self._left = deque(records)

    def send(self, now: float) -> None:
        for _ in range(min(AT_ONCE, len(self._left))):
            self._end(self._left.popleft())
        if self._left:
            self._layer.timers.start(now + EVERY_S, self.send)

    def _end(self, record: SubscriptionRecord) -> None:
        state = replace(record.dialog, local_sequence=record.dialog.local_sequence + SEQUENCE_GAP)
        client = DialogClient(
            self._layer,
            Dialog(state),
            record.flow,
            contact=record.contact,
            via_host=record.via_host,
            sticky=record.sticky,
            common=self._common,
        )
        client.request(
            "NOTIFY",
            headers=(
                ("Contact", record.contact),
                ("Event", record.event),
                ("Subscription-State", "terminated;reason=deactivated"),
            ),
            on_response=any_response,
            on_failure=any_failure,
        )
