"""Who cannot be heard, said in words that a person can act on: what the media workers find wrong with a leg's audio.

Told only of people who talk: what a worker says of a leg that rings with early media is no alarm, and is said again when
the talk begins (a bridge is judged anew by then). Each leg counts as one alarm, under its gravest kind, however many
rules found it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from softswitch.bus import Bus
from softswitch.call.alarms import Alarm
from softswitch.clock import Clock
from softswitch.facts import AudioImpaired, AudioRestored
from softswitch.ids import CallId, LegId
from softswitch.rtp.reports import QualityAlarm

if TYPE_CHECKING:
    from softswitch.call.call import Call
    from softswitch.call.conversation import Conversation

GRAVEST_FIRST = ("no-packets", "silence", "one-way", "bad-network")
_PLACES = {"endpoint": "extension", "trunk": "trunk"}


class AudioAlarms:
    def __init__(self, bus: Bus, clock: Clock, talks: "Mapping[CallId, Conversation]") -> None:
        """`talks` is kept up by its owner."""
        self._bus = bus
        self._clock = clock
        self._talks = talks
        self._raised: dict[LegId, dict[str, Alarm]] = {}
        self._been: dict[LegId, tuple[str, ...]] = {}

    @property
    def raised(self) -> tuple[Alarm, ...]:
        """One for each leg that is impaired now."""
        return tuple(alarms[_gravest(alarms)] for alarms in self._raised.values())

    def on_report(self, call: "Call", report: QualityAlarm) -> None:
        if not report.raised:
            self._clear(call, report.leg, report.kind)
            return
        talk = self._talks.get(call.id)
        if report.leg not in call.legs or (
            (talk is None or talk.began is None) and call.stage != "conference"
        ):
            return
        clock, who = self._clock, _who(call, report.leg, talk)
        message = f"{who} {_what(report)}"
        known = self._been.get(report.leg, ())
        self._raised.setdefault(report.leg, {})[report.kind] = Alarm(
            f"audio {report.kind}", message, clock.wall()
        )
        self._been[report.leg] = tuple(dict.fromkeys((*known, report.kind)))
        call.log.warning("audio impaired", leg=report.leg, kind=report.kind, problem=message)
        self._bus.publish(
            AudioImpaired(
                call=call.id,
                leg=report.leg,
                kind=report.kind,
                reason=report.reason,
                message=message,
                wall=clock.wall(),
                monotonic=clock.monotonic(),
            )
        )

    def leg_gone(self, call: "Call", leg: LegId) -> tuple[str, ...]:
        """Nothing is wrong with a leg that has ended; returns all kinds that it had."""
        for kind in tuple(self._raised.get(leg, ())):
            self._clear(call, leg, kind)
        return self._been.pop(leg, ())

    def _clear(self, call: "Call", leg: LegId, kind: str) -> None:
        alarms = self._raised.get(leg, {})
        if alarms.pop(kind, None) is None:
            return
        if not alarms:
            del self._raised[leg]
        clock = self._clock
        call.log.info("audio restored", leg=leg, kind=kind)
        self._bus.publish(
            AudioRestored(call=call.id, leg=leg, kind=kind, wall=clock.wall(), monotonic=clock.monotonic())
        )


def _gravest(alarms: Mapping[str, Alarm]) -> str:
    return next(kind for kind in GRAVEST_FIRST if kind in alarms)


def _who(call: "Call", leg: LegId, talk: "Conversation | None") -> str:
    if leg == call.caller.id:
        return f"caller {call.ani or call.source}"
    if talk is not None and talk.stage.agent is not None and leg == talk.other.id:
        return f"agent {talk.stage.agent}"
    kind, _, name = call.legs[leg].party.partition(":")
    return f"{_PLACES.get(kind, kind)} {name}"


def _what(report: QualityAlarm) -> str:
    """What is wrong, after the name of who it is wrong with."""
    peer = f" from {report.peer}" if report.peer else ""
    cause = report.reason if report.kind == "one-way" else report.kind
    match cause:
        case "no-packets":
            return f"cannot be heard: no packets{peer} for {report.silent_s:.1f} s"
        case "silence":
            return f"cannot be heard: pure silence{peer} for {report.quiet_s:.1f} s"
        case "unreached":
            return f"cannot hear: by its own reports none of our packets reach {report.peer}"
        case _:
            return f"sounds bad: {_network(report)}{peer}"


def _network(report: QualityAlarm) -> str:
    estimate = f" (MOS {report.mos:.1f})" if report.mos is not None else ""
    match report.reason:
        case "jitter":
            return f"jitter of {report.jitter_ms:.0f} ms{estimate}"
        case "reordered":
            return f"{report.reordered:.0%} of packets out of order{estimate}"
        case _:
            return f"{report.loss:.0%} of packets lost or late{estimate}"
