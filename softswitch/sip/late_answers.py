"""The ACKs of an INVITE's 2xx, by who answered, and what of that INVITE outlives its call (RFC 6026 section 7.2).

A 2xx that comes again gets its ACK again; one of another fork is acknowledged and hung up (RFC 3261 section 13.2.2.4).
Each call leaves one of these for 64*T1, so that it holds nothing of the call but what a dialog with another fork takes.
"""

from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.message import Request, Response
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.unheeded import any_failure, any_response

MAX_FORKS = 16

Acks = dict[str, tuple[bytes, Source] | None]
"""None: it could not be sent."""


def acknowledge(client: DialogClient, invite: Request, acks: Acks, tag: str) -> None:
    def remember(data: bytes, destination: Source) -> None:
        acks[tag] = data, destination

    acks[tag] = None
    client.acknowledge(invite, remember)


def acknowledged_again(layer: SessionLayer, acks: Acks, tag: str) -> bool:
    """False for the first 2xx with this tag."""
    if tag not in acks:
        return False
    ack = acks[tag]
    if ack is not None:
        layer.send(*ack)
    return True


class LateAnswers:
    """Hears what `transaction` is answered when nobody wants it any more."""

    __slots__ = ("_acks", "_common", "_contact", "_layer", "_memory", "_sticky", "_transaction")

    def __init__(
        self,
        layer: SessionLayer,
        transaction: ClientTransaction,
        acks: Acks,
        *,
        contact: str,
        sticky: bool,
        memory: ChallengeMemory | None,
        common: tuple[tuple[str, str], ...],
    ) -> None:
        self._layer = layer
        self._transaction = transaction
        self._acks = acks
        self._contact = contact
        self._sticky = sticky
        self._memory = memory
        self._common = common

    def heard(self, response: Response, now: float) -> None:
        del now
        tag = response.to_tag
        if acknowledged_again(self._layer, self._acks, tag) or len(self._acks) >= MAX_FORKS:
            return
        invite = self._transaction.request
        client = DialogClient(
            self._layer,
            Dialog.of_caller(invite, response),
            self._transaction.peer,
            contact=self._contact,
            sticky=self._sticky,
            memory=self._memory,
            common=self._common,
        )
        acknowledge(client, invite, self._acks, tag)
        client.request("BYE", on_response=any_response, on_failure=any_failure)
