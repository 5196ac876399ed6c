"""Registrations as rows, and back: phones stay reachable when the switch starts again."""

import json

import structlog

from softswitch.errors import PeerError
from softswitch.ids import EndpointName
from softswitch.sip.outbound import dies_with_connection
from softswitch.sip.registrar import Binding
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.store.rows import RegistrationRow
from softswitch.store.store import Store

_log = structlog.get_logger(__name__)


async def restored_bindings(store: Store) -> list[Binding]:
    """Registrations that outlived the last run. Those that lived on a connection went with it (RFC 5626 section 5.3): their
    phones see it closed, and register over a new one."""
    found = []
    for row in await store.registrations():
        try:
            binding = binding_of(row)
            if dies_with_connection(binding):
                store.registration_gone(binding.endpoint, row.contact)
            else:
                found.append(binding)
        except (ValueError, PeerError) as error:
            _log.warning("a stored registration is damaged", endpoint=row.endpoint, problem=str(error))
    return found


def registration_row(binding: Binding) -> RegistrationRow:
    return RegistrationRow(
        endpoint=binding.endpoint,
        contact=str(binding.contact),
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires=binding.expires,
        path=json.dumps(list(binding.path)),
        source=f"{binding.source.transport}:{binding.source.address}:{binding.source.port}",
        user_agent=binding.user_agent,
        registered=binding.registered,
        instance=binding.instance,
    )


def binding_of(row: RegistrationRow) -> Binding:
    """The binding that `registration_row` wrote down; raises ValueError or PeerError when it is damaged."""
    transport, address = row.source.split(":", 1)
    host, port = address.rsplit(":", 1)
    source = Source(transport, host, int(port))
    source.check()
    return Binding(
        endpoint=EndpointName(row.endpoint),
        contact=Uri.parse(row.contact),
        source=source,
        expires=row.expires,
        call_id=row.call_id,
        cseq=row.cseq,
        path=tuple(json.loads(row.path or "[]")),
        user_agent=row.user_agent,
        instance=row.instance,
        registered=row.registered,
    )
