"""Where a phone is registered, as RFC 3680 has it: one contact for each binding, told from what was there before."""

import zlib
from collections.abc import Iterator

from softswitch.call.services import Services
from softswitch.facts import RegistrationChanged
from softswitch.ids import EndpointName
from softswitch.sip.notifier import Notifier
from softswitch.sip.reg_info import ContactEvent, WatchedContact, item
from softswitch.sip.registrar import Binding
from softswitch.sip.resource_state import Item, ResourceKey

Items = Iterator[tuple[str, Item]]


class WatchedRegistrations:
    def __init__(self, services: Services, notifier: Notifier) -> None:
        self._services = services
        self._notifier = notifier

    def items(self, endpoint: str) -> Items:
        for binding in self._services.sip.bindings(EndpointName(endpoint)):
            yield str(binding.contact), self._item(binding, "registered")

    def changed(self, fact: RegistrationChanged) -> None:
        """Contacts that came, stayed and went."""
        resource = ResourceKey("reg", f"endpoint:{fact.endpoint}")
        state = self._notifier.state(resource)
        if state is None:
            return
        gone = set(state.live_keys())
        for binding in self._services.sip.bindings(fact.endpoint):
            contact = str(binding.contact)
            event: ContactEvent = "refreshed" if contact in gone else "registered"
            gone.discard(contact)
            self._notifier.put(resource, contact, self._item(binding, event))
        why: ContactEvent = "expired" if fact.event == "expired" else "unregistered"
        for contact in gone:
            left = WatchedContact(id=_id(contact), user=fact.endpoint, uri=contact, event=why)
            self._notifier.end(resource, contact, item(left))

    def _item(self, binding: Binding, event: ContactEvent) -> Item:
        wall = self._services.clock.wall()
        return item(
            WatchedContact(
                id=_id(str(binding.contact)),
                user=binding.endpoint,
                uri=str(binding.contact),
                event=event,
                expires_s=max(0, round(binding.expires - wall)),
                registered_s=max(0, round(wall - binding.registered)),
            )
        )


def _id(contact: str) -> str:
    return f"c{zlib.crc32(contact.encode('utf-8', 'surrogateescape')):08x}"
