"""How good a call sounds, estimated from what the network did to it: the E-model of ITU-T G.107, all other inputs default.

    R = (Ro − Is) − Idd − Ie,eff + A          G.107 (7-1); Ro − Is with all defaults leaves 93.2, A = 0
    Idd  by the one-way delay Ta              G.107 (7-27), (7-28): nothing up to 100 ms, echo counts as cancelled
    Ie,eff = Ie + (95 − Ie)·Ppl/(Ppl/BurstR + Bpl)      G.107 (7-29)
    MOS  from R                               G.107 Annex B, (B-4)

Ie and Bpl of a codec are those of G.113 Appendix I where it has them; the rest is marked. This is the narrow-band scale:
its best MOS is 4.41 for every codec, so a wide-band call is never shown better than a faultless G.711 call, though it
sounds so (G.107.1 has a scale of its own to 129; on it G.722 at 64 kbit/s stands above all of narrow band).
"""

import math
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

BASE: Final = 93.2
"""R of a connection where all inputs have the default values of G.107 table 2."""
_FREE_DELAY_MS: Final = 100.0
_SPARSE_LOSS: Final = 0.02
_SPARSE_BURST: Final = 2.0
"""G.107 section 7.5: with less than 2 % lost, a burst ratio of more than 2 was not validated."""
MAX_BURST: Final = 8.0

Reals = npt.NDArray[np.float64]
Number = TypeVar("Number", float, Reals)


@dataclass(frozen=True, slots=True)
class Impairment:
    """What coding costs, and how well it bears random loss."""

    ie: float
    bpl: float


WITHOUT_CONCEALMENT: Final = Impairment(0.0, 4.3)
"""G.711 whose receiver fills gaps with silence, G.113 table I.4."""
IMPAIRMENTS: Final = {
    "PCMU": Impairment(0.0, 25.1),  # G.113 table I.4: G.711 with the concealment of its Appendix I
    "PCMA": Impairment(0.0, 25.1),
    "G729": Impairment(11.0, 19.0),  # G.113 table I.4: G.729A + VAD
    # Not in the narrow-band tables: no coding impairment on this scale; robustness between the two cases of G.711, ours.
    "G722": Impairment(0.0, 10.0),
    "opus": Impairment(0.0, 20.0),
    "L16": Impairment(0.0, 25.1),
}


def impairment(codec: str, *, conceals: bool = True) -> Impairment:
    """Of a codec by its name; `conceals`: the receiver of G.711 hides losses, as nearly all do."""
    if not conceals and codec in ("PCMU", "PCMA", "L16"):
        return WITHOUT_CONCEALMENT
    return IMPAIRMENTS.get(codec, IMPAIRMENTS["PCMU"])


def burst_ratio(lost: Reals, bursts: Reals, loss: Reals) -> Reals:
    """Mean length of the gaps over what it would be with random loss (G.107 section 3); 1 where nothing is lost."""
    mean = np.where(bursts > 0, lost / np.maximum(bursts, 1), 1.0)
    most = np.where(loss < _SPARSE_LOSS, _SPARSE_BURST, MAX_BURST)
    return np.clip(mean * (1 - loss), 1.0, most)


def equipment_impairment(ie: Number, bpl: Number, loss: Number, burst: Number) -> Number:
    """Ie,eff; `loss` from 0 to 1."""
    percent = 100 * loss
    effective: Number = ie + (95 - ie) * percent / (percent / burst + bpl)
    return effective


def delay_impairment(one_way_ms: Reals) -> Reals:
    """Idd, with the delay sensitivity of the default class (sT = 1, mT = 100 ms)."""
    return _impaired(np.log2(np.maximum(one_way_ms, _FREE_DELAY_MS) / _FREE_DELAY_MS))


def _impaired(x: Number) -> Number:
    """G.107 (7-28)."""
    impaired: Number = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return impaired


def rating(ie: Reals, bpl: Reals, loss: Reals, burst: Reals, one_way_ms: Reals) -> Reals:
    """R."""
    return BASE - delay_impairment(one_way_ms) - equipment_impairment(ie, bpl, loss, burst)


def mos(r: Reals) -> Reals:
    """The mean opinion score, conversational quality (MOS-CQE), from 1 to 4.5."""
    return np.maximum(1.0, _opinion(np.clip(r, 0.0, 100.0)))


def _opinion(r: Number) -> Number:
    """G.107 (B-4)."""
    opinion: Number = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
    return opinion


def burst_ratio_of_one(lost: int, bursts: int, loss: float) -> float:
    """As `burst_ratio`. Of one stream numpy takes as long as of hundreds: forty times what plain numbers take."""
    most = _SPARSE_BURST if loss < _SPARSE_LOSS else MAX_BURST
    mean = lost / bursts if bursts > 0 else 1.0
    return min(max(mean * (1 - loss), 1.0), most)


def mos_of_one(ie: float, bpl: float, loss: float, burst: float, one_way_ms: float) -> float:
    """As `mos` of `rating`."""
    delay = _impaired(math.log2(max(one_way_ms, _FREE_DELAY_MS) / _FREE_DELAY_MS))
    r = BASE - delay - equipment_impairment(ie, bpl, loss, burst)
    return max(1.0, _opinion(min(max(r, 0.0), 100.0)))


def mos_of(
    codec: str, loss: float, *, burst: float = 1.0, one_way_ms: float = 0.0, conceals: bool = True
) -> float:
    """For one stream, from plain numbers."""
    cost = impairment(codec, conceals=conceals)
    return mos_of_one(cost.ie, cost.bpl, loss, burst, one_way_ms)
