"""All transactions of a stack: found by their keys, counted against the quotas of those who began them.

Also the requests under way by what the copies of a forking proxy have in common (RFC 3261 section 8.2.2.2).
"""

from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.message import Request
from softswitch.sip.quotas import Quotas
from softswitch.sip.screening import merge_key
from softswitch.sip.server_transaction import ServerTransaction, reopen_replies
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey


class TransactionTable:
    def __init__(self, quotas: Quotas) -> None:
        self.clients: dict[TransactionKey, ClientTransaction] = {}
        self.servers: dict[TransactionKey, ServerTransaction] = {}
        self._quotas = quotas
        self._merge: dict[tuple[str, str, str], TransactionKey] = {}

    def __len__(self) -> int:
        return len(self.clients) + len(self.servers)

    def add_client(self, transaction: ClientTransaction) -> None:
        self.clients[transaction.key] = transaction

    def add_server(self, transaction: ServerTransaction) -> None:
        """Its place among the transactions of its peer has been taken."""
        request, key = transaction.request, transaction.key
        self.servers[key] = transaction
        if not request.to_tag:
            transaction.copies = copies = merge_key(request)
            self._merge.setdefault(copies, key)

    def merged(self, request: Request) -> bool:
        """The same request has come by another way and is being served."""
        return merge_key(request) in self._merge

    def forget(self, transaction: Transaction) -> None:
        if isinstance(transaction, ClientTransaction):
            self.clients.pop(transaction.key, None)
        elif isinstance(transaction, ServerTransaction):
            if self.servers.pop(transaction.key, None) is not None:
                self._quotas.give("transactions", transaction.peer.address)
            self.allow_copies(transaction)

    def allow_copies(self, transaction: ServerTransaction) -> None:
        """Another copy of its request may be served beside it."""
        copies, transaction.copies = transaction.copies, None
        if copies is not None and self._merge.get(copies) == transaction.key:
            del self._merge[copies]

    def transport_failed(self, destination: Source, now: float) -> None:
        """Nothing can be sent there: what waits for an answer from there is told, what has to answer may connect."""
        stream = destination.transport != "udp"
        waiting = [one for one in self.clients.values() if one.reliable is stream]
        for transaction in [one for one in waiting if one.peer == destination]:
            transaction.transport_failed(now)
        if stream:
            reopen_replies(self.servers.values(), destination)
