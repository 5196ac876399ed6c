"""IVR flows as they stand in the configuration: nodes by name, each of one kind (`do`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    start: str
    """Name of the first node."""
    node: Mapping[str, Any] = field(default_factory=dict)
    """Nodes by name."""
