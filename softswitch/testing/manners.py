"""What scripted peers do with a call that comes in, for `Peer.on_call`."""

import asyncio
from collections.abc import Callable

from softswitch.sip.sdp import SessionDescription
from softswitch.testing.peer_call import PeerCall


def busy(call: PeerCall) -> None:
    """A script: 486."""
    call.reject(486)


def refusing(status: int, *contacts: str) -> Callable[[PeerCall], None]:
    return lambda call: call.reject(status, *contacts)


def answering(after_s: float = 0.0, *, sdp: SessionDescription | None = None) -> Callable[[PeerCall], None]:
    """A script: ring, and answer after a while if the call is still there."""

    def script(call: PeerCall) -> None:
        call.ring()
        asyncio.get_running_loop().call_later(after_s, call.answer, sdp)

    return script


def ringing(call: PeerCall) -> None:
    """A script: ring for ever."""
    call.ring()
