"""What the control API shows of the process itself: workers, storage, SIP and alarms; frozen values that become JSON.

Owns the names of their JSON fields. Times called `started`, `ended` … are wall seconds since 1970; lengths end in `_s`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One media worker process."""

    worker: int
    pid: int
    engine: str
    """`io_uring` or `sockets`."""
    legs: int
    recordings: int
    packets_in: int
    packets_out: int
    cpu_s: float
    """CPU seconds of the process so far."""
    late_ms: float
    """Worst lateness of a tick in the last second."""
    packets_lost: int = 0
    engine_problem: str = ""
    """Why the engine is not io_uring, where that was wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    name: str
    message: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageView:
    state: str
    """`ok` or `failing`."""
    database: str
    """Its address without a password."""
    spooled: int
    """Rows that wait in memory because they could not be written."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SipView:
    listen: tuple[str, ...] = ()
    """Addresses in use, `udp://ADDRESS:PORT`."""
    connections: Mapping[str, int] = field(default_factory=dict)
    """Connections of peers and ours that stand, by their transport."""
    messages_in: int = 0
    messages_out: int = 0
    calls_in: int = 0
    """INVITEs that began a session, from trunks and phones."""
    calls_out: int = 0
    """The same, to agents, phones and trunks."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """Requests refused before anything of them was kept, by the status of the answer."""
    requests_in: Mapping[str, int] = field(default_factory=dict)
    """Requests of peers by method, those that came again included; `other` is whatever nobody knows."""
    requests_out: Mapping[str, int] = field(default_factory=dict)
    responses_in: Mapping[str, int] = field(default_factory=dict)
    """Responses of peers by status."""
    responses_out: Mapping[str, int] = field(default_factory=dict)
    retransmits: int = 0
    """Requests of peers that came again."""
    malformed: int = 0
    """Datagrams and stream messages that could not be read."""
    strays: int = 0
    """Responses and ACKs that belong to nothing."""
    faults: int = 0
    """Exceptions of ours; each kind is in the log once."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Datagrams dropped, connections refused or closed, by the reason."""
    dialogs: int = 0
    """Alive now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    version: str
    node: str
    pid: int
    started: float
    uptime_s: float
    draining: bool
    """True: new calls are refused and the switch ends with its last call."""
    calls: int
    max_calls: int
    calls_total: int
    """Since the switch started."""
    engine: str
    """Media engine in use."""
    cpu_s: float = 0.0
    """CPU seconds of the control process so far."""
    loop_lag_ms: float = 0.0
    """Worst lateness of the event loop in the last second."""
    workers: tuple[WorkerView, ...] = ()
    alarms: tuple[AlarmView, ...] = ()
    storage: StorageView = field(default_factory=lambda: StorageView(state="ok", database="", spooled=0))
    sip: SipView = field(default_factory=SipView)
