"""Rows of what callers were promised: how long they will wait, and that they are called back. As those of `rows.py`."""

from collections.abc import Mapping
from dataclasses import field

from softswitch.ids import CallId, QueueName
from softswitch.value import value


@value
class PromiseRow:
    """One range of waiting time as a waiting caller was told it."""

    call: CallId
    told: float
    queue: QueueName
    position: int
    waited_s: float
    """Until then."""
    low_s: float
    """From then on."""
    high_s: float | None
    """None: no end was told."""
    expected_s: float


@value
class CallbackRow:
    """A caller who is called back, as he stands now; replaced whenever that changes."""

    callback: str
    call: CallId
    """In which he asked for it."""
    queue: QueueName
    number: str
    """Where he is called."""
    source: str
    """Through whom he had called, `trunk:NAME` or `endpoint:NAME`."""
    dnis: str
    name: str
    language: str
    priority: int
    entered: float
    """When he began to wait: his place."""
    asked: float
    needs: str = "{}"
    """JSON of the levels of skills that he brought along; likewise the next two."""
    preferred: str = "{}"
    agents: str = "[]"
    labels: Mapping[str, str] = field(default_factory=dict)
    """What is known of him, answers to flows among it."""
    state: str = "waiting"
    """One of `acd.callback.CallbackState`."""
    attempts: int = 0
    next_at: float | None = None
    """Not before then."""
    last_call: str = ""
    """That of the latest attempt."""
    result: str = ""
    """What came of it."""
    ended: float | None = None
