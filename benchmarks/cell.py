"""One cell of the ladder: so many queue calls held by one switch, with media both ways, measured while all of them talk.

Signalling is SIPp's, media is `media_load`'s; the same for every switch. The measured stretch begins when all legs are
heard and ends while all calls still talk. CPU is that of all processes of the switch in this stretch. A packet counts as
lost when it was sent in the stretch and not heard two seconds after it. A recording's length is compared with the talk
that the agents saw, from ACK to BYE. The generator says how late it was, so that this is not taken for the switch's.
"""

import gc
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.kernel_drops import kernel_drops
from benchmarks.media_load import MediaLoad, own_cpu_s
from benchmarks.peers.target import Recorded, Target
from benchmarks.sipp_load import FIRST_NUMBER, Event, SippLoad
from benchmarks.stolen import stolen_s
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS
from tools.peers.ports import free_port
from tools.peers.processes import Usage, cpu_between

_POLL_S = 0.05
_STILL_MS = 100.0
_NICE = -10
CHURN_HOLD_S = 4.0
_SETTLE_S = 1.5
_CONNECT_S = 4.0
"""How long after the last call was begun all must talk."""
_LATE_S = 2.0
_FLUSH_S = 6.0
"""How long after the last call recordings may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    calls: int
    seconds: float = 15.0
    """The measured stretch."""
    record: bool = False
    ramp: float = 40.0
    """New calls a second until all are there."""
    sample_s: float = 0.0
    """Look at memory, files and losses so often; 0 only at both ends."""
    churn: float = 0.0
    """Beside those that are held, so many calls a second of `CHURN_HOLD_S` come and go."""

    @property
    def hold_s(self) -> float:
        """Each call lives until the stretch is over, even the first, if the last one connects as late as it may."""
        return self.calls / self.ramp + _CONNECT_S + _SETTLE_S + self.seconds + 1.5

    @property
    def bound_s(self) -> float:
        return 2 * self.calls / self.ramp + self.hold_s + 10.0


@dataclass(slots=True, kw_only=True)
class Sample:
    at_s: float
    rss_mb: float
    files: int
    cpu_s: float
    sent: int
    lost: int
    """Of packets sent more than a second ago; from the first sample on."""
    late_ms: float = 0.0
    """The generator's worst lateness since the sample before: the machine stood still for so long."""
    more: dict[str, float] = field(default_factory=dict)


class Cell:
    def __init__(self, target: Target, plan: Plan) -> None:
        self.target, self.plan = target, plan
        self.samples: list[Sample] = []
        self._media = MediaLoad(2 * plan.calls, plan.bound_s)
        self._up: dict[tuple[str, int], float] = {}
        self._over: dict[tuple[str, int], float] = {}
        self._talks: dict[int, float] = {}
        self._next_poll = 0.0
        self._began = 0.0

    def run(self) -> dict[str, Any]:
        folder = Path(tempfile.mkdtemp(prefix="softswitch-cell-"))
        plan = self.plan
        sipp = SippLoad(
            folder / "sipp", callers=TRUNK_ADDRESS, agents=AGENT_ADDRESS, agent_port=free_port(AGENT_ADDRESS),
            calls=plan.calls, ramp=plan.ramp, hold_s=plan.hold_s,
        )  # fmt: skip
        agents = plan.calls + round(plan.churn * (CHURN_HOLD_S + 4))
        contacts = {f"a{n}": f"sip:a{n}@{AGENT_ADDRESS}:{sipp.agent_port}" for n in range(agents)}
        gc.collect()
        gc.disable()
        try:
            self.target.start(folder / "switch", contacts, record=plan.record)
            return self._measured(sipp)
        finally:
            gc.enable()
            hurry(0)
            sipp.stop()
            self._media.close()
            try:
                self.target.stop()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    # -- the story ----------------------------------------------------------------------------------------------------

    def _measured(self, sipp: SippLoad) -> dict[str, Any]:
        plan, media = self.plan, self._media
        ports = [
            max(media.open(side * plan.calls + call, address) for call in range(plan.calls))
            for side, address in enumerate((TRUNK_ADDRESS, AGENT_ADDRESS))
        ]
        sipp.start(self.target.sip, (TRUNK_ADDRESS, ports[0]), (AGENT_ADDRESS, ports[1]))
        hurry(_NICE)
        self._began = time.monotonic()
        latest = self._began + plan.calls / plan.ramp + _CONNECT_S
        self._loop(sipp, latest, until_all_heard=True)
        connected = media.heard() // 2
        self._loop(sipp, time.monotonic() + _SETTLE_S)
        drops, stolen = kernel_drops(), stolen_s()
        before, cpu, began = self.target.usage(), own_cpu_s(), time.monotonic()
        media.begin()
        if plan.churn:
            sipp.churn(rate=plan.churn, calls=round(plan.churn * plan.seconds), hold_s=CHURN_HOLD_S)
        self._stretch(sipp, began)
        after, seconds, cpu = self.target.usage(), time.monotonic() - began, own_cpu_s() - cpu
        media.end()
        stolen = (stolen_s() - stolen) / seconds / (os.cpu_count() or 1)
        dropped = {name: count - drops[name] for name, count in kernel_drops().items()}
        still_up = len(self._up) // 2 - len({call for _, call in self._over})
        self._await_late_ones(sipp, time.monotonic() + _LATE_S)
        result = media.result()
        self._loop(sipp, self._began + plan.bound_s, until_over=True)
        self._loop(sipp, time.monotonic() + 0.5)
        completed, failed = sipp.counts()
        churned = (
            dict(zip(("completed", "failed"), sipp.counts("churn"), strict=True)) if plan.churn else None
        )
        recordings = self._recordings(completed) if plan.record else None
        return self._report(
            before, after, seconds, cpu, asdict(result),
            {"connected": connected, "still_up": still_up, "completed": completed, "failed": failed,
             "churned": churned, "kernel_dropped": dropped, "stolen": round(stolen, 4), "sipp": sipp.errors()},
            recordings,
        )  # fmt: skip

    def _await_late_ones(self, sipp: SippLoad, end: float) -> None:
        """What a switch still holds is late, not lost."""
        while time.monotonic() < end:
            self._loop(sipp, min(end, time.monotonic() + 0.25))
            if self._media.lost_measured() == 0:
                return

    def _stretch(self, sipp: SippLoad, began: float) -> None:
        end = began + self.plan.seconds
        if self.plan.sample_s <= 0:
            self._loop(sipp, end)
            return
        mark = self._media.numbers.copy()
        while time.monotonic() < end:
            self._loop(sipp, min(end, time.monotonic() + self.plan.sample_s))
            self.samples.append(self._sample(mark, began))
            one = self.samples[-1]
            say(
                f"  {one.at_s:7.0f} s  {one.rss_mb:7.1f} MB  {one.files} files  {one.lost} of {one.sent} lost"
                f"{f'  stood still for {one.late_ms:.0f} ms' if one.late_ms > _STILL_MS else ''}"
            )

    def _sample(self, mark: Any, began: float) -> Sample:
        late_ms = round(self._media.latest_ms(), 1)
        used = self.target.usage().values()
        sent, lost = self._media.lost_between(mark, self._media.numbers - 50)
        more: dict[str, float] = getattr(self.target, "counts", dict)()
        self._media.tick()
        self._media.latest_ms()  # what this look itself took
        return Sample(
            at_s=round(time.monotonic() - began, 1), rss_mb=round(sum(one.rss_mb for one in used), 2),
            files=sum(one.files for one in used), cpu_s=round(sum(one.cpu_s for one in used), 2),
            sent=sent, lost=lost, more=more, late_ms=late_ms,
        )  # fmt: skip

    def _loop(
        self, sipp: SippLoad, end: float, *, until_all_heard: bool = False, until_over: bool = False
    ) -> None:
        media, all_legs = self._media, 2 * self.plan.calls
        while (now := time.monotonic()) < end:
            if now >= self._next_poll:
                self._next_poll = now + _POLL_S
                for event in sipp.events():
                    self._take(event)
                if (until_all_heard and media.heard() == all_legs) or (until_over and sipp.over()):
                    return
            pause = media.until_tick()
            if pause > 0:
                time.sleep(pause)
            media.tick()

    def _take(self, event: Event) -> None:
        if event.call >= self.plan.calls:
            return  # one that comes and goes: it has no media of ours
        key = (event.side, event.call)
        leg = event.call + (self.plan.calls if event.side == "agent" else 0)
        if event.up:
            self._up[key] = event.at_s
            self._media.connect(leg, event.peer)
            return
        self._over[key] = event.at_s
        self._media.stop_sending(leg)
        if event.side == "agent" and key in self._up:
            self._talks[event.call] = event.at_s - self._up[key]

    # -- judgement ----------------------------------------------------------------------------------------------------

    def _recordings(self, wanted: int) -> dict[str, Any]:
        deadline = time.monotonic() + _FLUSH_S
        found: list[Recorded] = []
        while len(found) < wanted and time.monotonic() < deadline:
            time.sleep(0.5)
            found = self.target.recordings()
        off = [
            abs(one.seconds - self._talks[one.number - FIRST_NUMBER])
            for one in found
            if one.number - FIRST_NUMBER in self._talks
        ]
        return {
            "present": sum(one.number - FIRST_NUMBER < self.plan.calls for one in found),
            "of": wanted,
            "channels": sorted({one.channels for one in found}),
            "worst_length_error_s": round(max(off, default=0.0), 3),
            "mean_length_error_s": round(sum(off) / len(off), 3) if off else 0.0,
        }

    def _report(
        self, before: dict[int, Usage], after: dict[int, Usage], seconds: float, generator_cpu: float,
        media: dict[str, Any], calls: dict[str, Any], recordings: dict[str, Any] | None,
    ) -> dict[str, Any]:  # fmt: skip
        by_process = {name: round(cpu / seconds, 4) for name, cpu in cpu_between(before, after).items()}
        cores = sum(by_process.values())
        wanted = self.plan.calls
        lost = media["lost_measured"]
        carried = (
            calls["connected"] == calls["still_up"] == wanted
            and lost == 0
            and not any(media[fault] for fault in ("corrupted", "doubled", "misrouted", "deaf_legs"))
            and (recordings is None or recordings["present"] == recordings["of"] == wanted)
        )
        return {
            "benchmark": "queue calls held with media",
            "switch": self.target.name,
            "version": self.target.version(),
            "calls": wanted,
            "recorded": self.plan.record,
            "seconds": round(seconds, 2),
            "carried": carried,
            **{name: calls[name] for name in ("connected", "still_up", "completed", "failed")},
            "cores": round(cores, 4),
            "cores_per_100_calls": round(cores / wanted * 100, 4),
            "delay_ms": media["delay_ms"],
            "packets": media["sent_measured"],
            "lost": lost,
            **{n: media[n] for n in ("corrupted", "doubled", "reordered", "misrouted", "deaf_legs")},
            "recordings": recordings,
            "churned": calls["churned"],
            "kernel_dropped": calls["kernel_dropped"],
            "stolen": calls["stolen"],
            "rss_mb": round(sum(one.rss_mb for one in after.values()), 1),
            "cores_by_process": by_process,
            "generator": {
                "cores": round(generator_cpu / seconds, 3),
                "late_p99_ms": media["send_late_p99_ms"],
                "late_max_ms": media["send_late_ms"],
            },
            "problems": [*self.target.problems(), *([calls["sipp"]] if calls["sipp"] else [])],
        }


def hurry(nice: int) -> None:
    """Phones do not wait for the switch's processor: this process goes first, where it may."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        pass


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
