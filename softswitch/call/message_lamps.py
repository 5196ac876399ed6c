"""Message lamps of phones that do not subscribe: told when their box changes, and when they register."""

from collections.abc import Mapping

from softswitch.call.boxes import Boxes
from softswitch.call.party import endpoint_destinations
from softswitch.call.services import Services
from softswitch.config.schema import Config
from softswitch.facts import MessagesChanged, RegistrationChanged


class MessageLamps:
    """A phone that is subscribed to its messages should not be told twice: `mwi_unsolicited` is off unless wanted."""

    def __init__(self, services: Services, boxes: Boxes) -> None:
        self._services = services
        self._boxes = boxes
        self._config: Config | None = None
        self._phones: Mapping[str, tuple[str, ...]] = {}
        services.bus.subscribe({MessagesChanged: self._changed, RegistrationChanged: self._registered})

    def _changed(self, fact: MessagesChanged) -> None:
        for phone in self._of(fact.box):
            self._tell(phone, fact.box)

    def _registered(self, fact: RegistrationChanged) -> None:
        if fact.event == "registered":
            settings = self._services.config.endpoint.get(fact.endpoint)
            if settings is not None and settings.mwi_unsolicited and settings.mailbox:
                self._tell(fact.endpoint, settings.mailbox)

    def _of(self, box: str) -> tuple[str, ...]:
        """Phones to tell, looked up once for each configuration."""
        config = self._services.config
        if config is not self._config:
            phones: dict[str, tuple[str, ...]] = {}
            for name, settings in config.endpoint.items():
                if settings.mwi_unsolicited and settings.mailbox:
                    phones[settings.mailbox] = (*phones.get(settings.mailbox, ()), name)
            self._config, self._phones = config, phones
        return self._phones.get(box, ())

    def _tell(self, phone: str, box: str) -> None:
        services = self._services
        for destination in endpoint_destinations(services, services.config, phone):
            services.sip.notify_messages(destination.where, user=phone, counts=self._boxes.count(box))
