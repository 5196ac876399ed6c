"""What holds for all queues of an engine together, handed over with the configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from softswitch.acd.facts import Chooser
from softswitch.config.matching import Matching, PauseReason


def _standing_still() -> float:
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    matching: Matching = field(default_factory=Matching)
    pause_reasons: Mapping[str, PauseReason] = field(default_factory=dict)
    plugins: Mapping[str, Chooser] = field(default_factory=dict)
    """Strategies of installed packages by name."""
    stopwatch: Callable[[], float] = _standing_still
    """Seconds, as exact as the machine has them: what a plug-in takes is measured by it, nothing else."""
