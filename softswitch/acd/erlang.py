"""What queueing theory says of a queue: Erlang B, C and A, and how many agents a target needs.

Calls arrive at random (Poisson), last exponentially long, wait in order for any of n equal agents; under Erlang A they
hang up after an exponential patience. Sources: A. K. Erlang 1917 (B, C: the loss and the delay formula); C. Palm 1946,
"Research on telephone traffic carried by full availability groups", Tele 1957 (A); the forms used here are those of
A. Mandelbaum and S. Zeltyn, "Service engineering in action: the Palm/Erlang-A queue", 2007, §4, and F. Baccelli and
G. Hebuterne, "On queues with impatient customers", 1981 (the density of the wait that a patient caller would have).

Numerically stable: only sums and products of positive terms, in logarithms where they grow, so neither a thousand
agents nor patience of a day overflows or cancels.
"""

from dataclasses import dataclass
from math import exp, expm1, inf, isfinite, log

from softswitch.acd.errors import Refused

MOST_AGENTS = 100_000
_SMALL = 1e-16
_BIG = 1e200
_NODES = ((-0.8611363115940526, 0.3478548451374538), (-0.3399810435848563, 0.6521451548625461))
"""Gauss-Legendre of four points, the negative half."""
_MOST_PANELS = 20_000
_LONGEST_LINE = 3_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What comes in, and how long people have patience."""

    calls_per_s: float
    handle_s: float
    """Mean talk, hold and wrap-up of one call."""
    patience_s: float = inf
    """Mean time after which a caller hangs up; infinite: Erlang C, nobody does."""

    def __post_init__(self) -> None:
        if not (self.calls_per_s >= 0 and isfinite(self.calls_per_s)):
            raise Refused(f"calls per second must be zero or more, not {self.calls_per_s}")
        if not (self.handle_s > 0 and isfinite(self.handle_s)):
            raise Refused(f"the handle time must be above zero, not {self.handle_s} s")
        if not self.patience_s > 0:
            raise Refused(f"patience must be above zero, not {self.patience_s} s")

    @property
    def erlangs(self) -> float:
        return self.calls_per_s * self.handle_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a queue does in the long run. Of an overloaded one without abandonment the wait is infinite."""

    wait_probability: float
    """Share of callers who find no agent free."""
    mean_wait_s: float
    """Of all callers, until an agent or until they hang up."""
    abandoned: float
    """Share of callers who hang up waiting."""
    service_level: float
    """Share of all callers who are answered within the target."""
    occupancy: float
    """Share of the agents' time that they are on calls."""


def erlang_b(agents: int, erlangs: float) -> float:
    """Probability that all are busy where nobody waits."""
    _check_agents(agents)
    if erlangs <= 0:
        return 0.0 if agents else 1.0
    inverse = 1.0
    for n in range(1, agents + 1):
        inverse = 1.0 + inverse * n / erlangs
        if inverse > _BIG:
            return 0.0
    return 1.0 / inverse


def erlang_c(agents: int, erlangs: float) -> float:
    """Probability that a caller has to wait where everybody does; 1 when overloaded."""
    if erlangs >= agents:
        return 1.0
    blocked = erlang_b(agents, erlangs)
    return blocked * agents / (agents - erlangs + erlangs * blocked)


def predict(load: Load, agents: int, *, within_s: float = 20.0) -> Prediction:
    """Erlang C where nobody hangs up, else Erlang A; the service level is that of an answer within `within_s`."""
    _check_agents(agents)
    if load.calls_per_s == 0:
        return Prediction(
            wait_probability=0.0, mean_wait_s=0.0, abandoned=0.0, service_level=1.0, occupancy=0.0
        )
    if load.patience_s == inf:
        return _erlang_c(load, agents, within_s)
    return _erlang_a(load, agents, within_s)


def agents_needed(
    load: Load,
    *,
    within_s: float = 20.0,
    service_level: float = 0.8,
    most_abandoned: float = 1.0,
    most_occupied: float = 1.0,
) -> int:
    """The fewest agents with whom all targets are met; `Refused` when `MOST_AGENTS` are too few."""

    def enough(agents: int) -> bool:
        found = predict(load, agents, within_s=within_s)
        return (
            found.service_level >= service_level
            and found.abandoned <= most_abandoned
            and found.occupancy <= most_occupied
        )

    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_AGENTS:
            raise Refused(f"{MOST_AGENTS} agents are too few for {load.erlangs:g} erlangs and these targets")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_agents(agents: int) -> None:
    if not 0 <= agents <= MOST_AGENTS:
        raise Refused(f"agents must be 0 to {MOST_AGENTS}, not {agents}")


def _erlang_c(load: Load, agents: int, within_s: float) -> Prediction:
    if load.erlangs >= agents:
        return Prediction(
            wait_probability=1.0, mean_wait_s=inf, abandoned=0.0, service_level=0.0, occupancy=1.0
        )
    waits = erlang_c(agents, load.erlangs)
    spare = (agents - load.erlangs) / load.handle_s
    return Prediction(
        wait_probability=waits,
        mean_wait_s=waits / spare,
        abandoned=0.0,
        service_level=1.0 - waits * exp(-spare * max(0.0, within_s)),
        occupancy=load.erlangs / agents,
    )


def _erlang_a(load: Load, agents: int, within_s: float) -> Prediction:
    blocked = erlang_b(agents, load.erlangs)
    if blocked == 0.0:
        return Prediction(
            wait_probability=0.0,
            mean_wait_s=0.0,
            abandoned=0.0,
            service_level=1.0,
            occupancy=load.erlangs / agents,
        )
    log_queue, mean_queue = _queue(load, agents)
    # Probability of "all busy, nobody waits", of which that of each longer line is a multiple.
    log_full = -_log_sum(log(1.0 / blocked - 1.0) if blocked < 1.0 else -inf, log_queue)
    waits = exp(log_full + log_queue)
    mean_wait = waits * mean_queue / load.calls_per_s
    abandoned = min(1.0, mean_wait / load.patience_s)
    return Prediction(
        wait_probability=waits,
        mean_wait_s=mean_wait,
        abandoned=abandoned,
        service_level=min(1.0 - abandoned, 1.0 - waits + _served_late(load, agents, log_full, within_s)),
        occupancy=load.erlangs * (1.0 - abandoned) / agents if agents else 0.0,
    )


def _queue(load: Load, agents: int) -> tuple[float, float]:
    """Logarithm of all probabilities of lines of 0, 1, 2 … in units of that of 0, and the mean length among them."""
    serving, leaving = agents / load.handle_s, 1.0 / load.patience_s
    term = total = 1.0
    callers = scale = 0.0
    for length in range(1, _LONGEST_LINE):
        ratio = load.calls_per_s / (serving + length * leaving)
        term *= ratio
        total += term
        callers += length * term
        if total > _BIG:
            term, total, callers, scale = term / _BIG, total / _BIG, callers / _BIG, scale + log(_BIG)
        # Ratios only fall, so what follows is less than a geometric series.
        if ratio < 1.0 and length * term < _SMALL * (1.0 - ratio) ** 2 * max(callers, total):
            return scale + log(total), callers / total
    raise Refused(f"patience of {load.patience_s:g} s is endless for so many callers: leave it out")


def _served_late(load: Load, agents: int, log_full: float, within_s: float) -> float:
    """Probability to wait, but to be answered within the target: integral of the density of the wait that a patient
    caller would have, times the share of callers who are as patient."""
    if within_s <= 0 or agents == 0:
        return 0.0
    serving, leaving = agents / load.handle_s, 1.0 / load.patience_s
    start = log_full + log(serving)

    def density(wait: float) -> float:
        arrived = -load.calls_per_s * expm1(-leaving * wait) / leaving
        return exp(start + arrived - serving * wait - leaving * wait)

    panels = min(_MOST_PANELS, 8 + int(2 * within_s * max(serving, load.calls_per_s, leaving)))
    width = within_s / panels
    total = 0.0
    for panel in range(panels):
        middle = (panel + 0.5) * width
        for node, weight in _NODES:
            reach = node * width / 2
            total += weight * (density(middle + reach) + density(middle - reach))
    return total * width / 2


def _log_sum(first: float, second: float) -> float:
    low, high = sorted((first, second))
    return high + log(1.0 + exp(low - high)) if low > -inf else high
