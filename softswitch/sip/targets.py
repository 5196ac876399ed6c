"""Which places a SIP URI stands for, and in which order they are tried (RFC 3263 section 4, RFC 2782, RFC 3403).

Pure: records in, order out. Chance comes in as `draw`, so that weights can be tested. What DNS is asked, and when, is
`resolver.py`; which of the places are known to be dead is `dead_targets.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

STRETCH = 1000
MAX_RECORDS = 64
"""Records of one answer that are looked at."""
SRV_SERVICE = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
NAPTR_SERVICE = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}

Draw = Callable[[int], int]
"""A whole number from 0 to the given one, both possible."""


@dataclass(frozen=True, slots=True)
class SrvRecord:
    priority: int
    """Lower ones are tried first."""
    weight: int
    """Share among those of equal priority."""
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class NaptrRecord:
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Service:
    """One transport and the name whose SRV records tell who serves it."""

    transport: str
    name: str


def services_by_naptr(records: Iterable[NaptrRecord], *, secure: bool) -> tuple[Service, ...]:
    """By order, then preference; those of other protocols, and for `sips:` all that are not secure, are left out."""
    usable = [
        record
        for record in list(records)[:MAX_RECORDS]
        if record.flags.lower() == "s"
        and record.replacement
        and record.service.upper() in NAPTR_SERVICE
        and (not secure or record.service.upper().startswith("SIPS+"))
    ]
    usable.sort(key=lambda record: (record.order, record.preference))
    return tuple(Service(NAPTR_SERVICE[record.service.upper()], record.replacement) for record in usable)


def services_without_naptr(host: str, transport: str) -> tuple[Service, ...]:
    """SRV names to be asked for, the first that exists counts; `transport` empty: its URI leaves the choice."""
    transports = (transport,) if transport else ("udp", "tcp", "tls")
    return tuple(Service(each, f"{SRV_SERVICE[each]}.{host}") for each in transports)


def srv_order(records: Sequence[SrvRecord], draw: Draw) -> tuple[SrvRecord, ...]:
    """RFC 2782: by priority; among equals each next one by chance, in proportion to its weight."""
    ordered: list[SrvRecord] = []
    usable = [record for record in records[:MAX_RECORDS] if record.host]
    for priority in sorted({record.priority for record in usable}):
        left = [record for record in usable if record.priority == priority]
        left.sort(key=lambda record: record.weight > 0)
        while left:
            chosen = left[_drawn([record.weight for record in left], draw)]
            left.remove(chosen)
            ordered.append(chosen)
    return tuple(ordered)


def _drawn(weights: Sequence[int], draw: Draw) -> int:
    """The first whose running sum reaches a number drawn from 0 to the sum of all."""
    number, running = draw(sum(weights)), 0
    for index, weight in enumerate(weights):
        running += weight
        if running >= number:
            return index
    return len(weights) - 1


def weighted_order(weights: Sequence[int], draw: Draw) -> tuple[int, ...]:
    """Indices in the order of RFC 2782, for other lists that are shared by weight. Weights are stretched: the drawn 0,
    which only those of weight 0 should get, is too large a share among small numbers."""
    records = [SrvRecord(0, weight * STRETCH, 0, str(index)) for index, weight in enumerate(weights)]
    return tuple(int(record.host) for record in srv_order(records, draw))
