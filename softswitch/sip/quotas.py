"""How many transactions, dialogs and subscriptions one address may hold at once."""

from typing import Literal

Held = Literal["transactions", "dialogs", "subscriptions"]


class Quotas:
    """Counts what is held; whoever takes gives back. Addresses that hold nothing leave nothing."""

    def __init__(self) -> None:
        self._held: dict[Held, dict[str, int]] = {"transactions": {}, "dialogs": {}, "subscriptions": {}}
        self._dialogs: dict[tuple[str, str], str] = {}

    def take(self, what: Held, address: str, limit: int) -> bool:
        """One more, unless there are `limit`; 0 is no limit."""
        held = self._held[what]
        count = held.get(address, 0)
        if limit and count >= limit:
            return False
        held[address] = count + 1
        return True

    def give(self, what: Held, address: str) -> None:
        held = self._held[what]
        left = held.get(address, 0) - 1
        if left > 0:
            held[address] = left
        else:
            held.pop(address, None)

    def dialog_begins(self, call_id: str, local_tag: str, address: str) -> None:
        """The dialog that `take` was for; its end gives it back."""
        self._dialogs[call_id, local_tag] = address

    def end_dialog(self, call_id: str, local_tag: str) -> None:
        """Nothing for one that we began."""
        address = self._dialogs.pop((call_id, local_tag), None)
        if address is not None:
            self.give("dialogs", address)

    def holding(self, what: Held, address: str) -> int:
        return self._held[what].get(address, 0)
