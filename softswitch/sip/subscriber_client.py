"""The way of NOTIFYs to one subscriber: a dialog's, except that a phone is reached where its messages come from.

A phone proves who it is, not whose address it writes: what its Record-Route names is followed only to the host that its
SUBSCRIBE came from, as its registration's Path is, or a phone could aim our NOTIFYs at anybody.
"""

from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.session_layer import Located


class SubscriberClient(DialogClient):
    __slots__ = ()

    def locate(self, then: Located) -> None:
        first_hop = self.dialog.first_hop()
        if self.sticky and first_hop is not None and first_hop.host.strip("[]") != self.flow.address:
            then(self.flow, self._layer.now())
        else:
            super().locate(then)
