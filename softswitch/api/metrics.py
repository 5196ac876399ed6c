"""Metrics in Prometheus' text format: counters fed by facts, and gauges read from the switch when somebody asks.

Labels are names of the configuration, states and causes, never calls or numbers, so that their count stays bounded.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from softswitch.api.control import SwitchControl
from softswitch.api.counts import Counts, Spread
from softswitch.api.events_metrics import event_metrics
from softswitch.api.feed_metrics import feed_metrics
from softswitch.api.security_metrics import security_metrics
from softswitch.api.status_views import StatusView
from softswitch.api.views import QueueView
from softswitch.bus import Bus
from softswitch.facts import (
    AudioImpaired,
    CallEnded,
    CallerLeftQueue,
    LegEnded,
    MediaWorkerDied,
    OfferEnded,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WAIT_BUCKETS = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_LEG_FIGURES = (
    ("mos", "Estimate of ITU-T G.107 for legs that have ended.", (2.0, 2.6, 3.1, 3.6, 4.0, 4.3, 4.5)),
    (
        "loss_ratio",
        "Packets lost or late, of legs that have ended.",
        (0.0, 0.001, 0.005, 0.01, 0.03, 0.05, 0.1, 0.3),
    ),
    ("jitter_seconds", "Jitter of RFC 3550 at the end of legs.", (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)),
    (
        "round_trip_seconds",
        "Round trip by RTCP at the end of legs.",
        (0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    ),
)
_TALK_BUCKETS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)


class Metrics:
    def __init__(self, control: SwitchControl, service_levels: Iterable[float] = ()) -> None:
        """`service_levels`: thresholds of the queues in seconds; each becomes a bucket of the waiting time."""
        buckets = sorted({*_WAIT_BUCKETS, *(level for level in service_levels if level > 0)})
        self._calls = Counts("softswitch_calls", "Calls that have ended.", ["direction", "result"])
        self._wait = Spread(
            "softswitch_queue_wait_seconds",
            "Wait of callers who were connected to an agent.",
            buckets,
            ["queue"],
        )
        self._left = Counts(
            "softswitch_queue_left", "Callers that left a queue, by reason.", ["queue", "reason"]
        )
        self._abandoned = Counts(
            "softswitch_queue_abandoned", "Callers that hung up while waiting.", ["queue"]
        )
        self._offers = Counts(
            "softswitch_queue_offers", "Ringings of agents, by result.", ["queue", "result"]
        )
        self._talk = Spread("softswitch_call_talk_seconds", "Talking time of calls.", _TALK_BUCKETS)
        self._audio = Counts(
            "softswitch_audio_alarms",
            "Legs that could not be heard or sounded bad, by what was wrong.",
            ["kind", "reason"],
        )
        self._legs = {
            name: Spread(f"softswitch_leg_{name}", text, bounds, ["direction"])
            for name, text, bounds in _LEG_FIGURES
        }
        self._deaths = Counts("softswitch_media_worker_deaths", "Media workers that died.")
        self._registry = CollectorRegistry()
        self._registry.register(
            _Counted(
                self._calls, self._wait, self._left, self._abandoned, self._offers, self._talk, self._audio,
                *self._legs.values(), self._deaths,
            )
        )  # fmt: skip
        self._registry.register(_LiveCollector(control))

    def attach(self, bus: Bus) -> Callable[[], None]:
        """Count the facts of `bus`; returns the function that ends it."""
        return bus.subscribe(
            {
                CallEnded: self._call_ended,
                CallerLeftQueue: self._left_queue,
                OfferEnded: lambda fact: self._offers.add(fact.queue, fact.result),
                AudioImpaired: lambda fact: self._audio.add(fact.kind, fact.reason),
                LegEnded: self._measure,
                MediaWorkerDied: lambda fact: self._deaths.add(),
            }
        )

    def _call_ended(self, fact: CallEnded) -> None:
        direction = "in" if fact.source.startswith("trunk:") else "out"
        self._calls.add(direction, fact.cause)
        if fact.talk_s > 0:
            self._talk.observe(fact.talk_s)

    def _left_queue(self, fact: CallerLeftQueue) -> None:
        self._left.add(fact.queue, fact.reason)
        if fact.reason == "connected":
            self._wait.observe(fact.waited_s, fact.queue)
        elif fact.reason == "abandoned":
            self._abandoned.add(fact.queue)

    def _measure(self, leg: LegEnded) -> None:
        figures = {
            "mos": leg.mos,
            "loss_ratio": leg.loss,
            "jitter_seconds": leg.jitter_s,
            "round_trip_seconds": leg.rtt_s,
        }
        for name, value in figures.items():
            if value is not None:
                self._legs[name].observe(value, leg.direction)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Counted(Collector):
    """What was counted since the start."""

    def __init__(self, *families: Counts | Spread) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for each in self._families:
            yield each.family()


class _LiveCollector(Collector):
    """Reads the switch's own figures at the moment of scraping."""

    def __init__(self, control: SwitchControl) -> None:
        self._control = control

    def describe(self) -> Iterable[Metric]:
        return []  # registering must not ask a switch that is still starting

    def collect(self) -> Iterator[Metric]:
        status = self._control.status()
        yield from _status(status)
        yield from _sip(status)
        yield from security_metrics(self._control.security.show())
        yield from _media(status)
        yield from _queues(self._control.queues())
        yield self._agents()
        yield from event_metrics(self._control.events)
        yield from feed_metrics(self._control.feed)
        yield _gauge("softswitch_registrations", "Contacts registered.", len(self._control.registrations()))
        trunks = GaugeMetricFamily("softswitch_trunk_up", "1: the trunk answers.", labels=["trunk"])
        channels = GaugeMetricFamily("softswitch_trunk_channels", "Calls over the trunk.", labels=["trunk"])
        for trunk in self._control.trunks():
            trunks.add_metric([trunk.trunk], float(trunk.state == "up"))
            channels.add_metric([trunk.trunk], trunk.channels)
        yield trunks
        yield channels

    def _agents(self) -> Metric:
        counts: dict[tuple[str, str], int] = {}
        for agent in self._control.agents():
            for queue in agent.queues:
                counts[queue, agent.state] = counts.get((queue, agent.state), 0) + 1
        family = GaugeMetricFamily(
            "softswitch_agents", "Agents of a queue by state.", labels=["queue", "state"]
        )
        for (queue, state), count in counts.items():
            family.add_metric([queue, state], count)
        return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _status(status: StatusView) -> Iterator[Metric]:
    info = GaugeMetricFamily("softswitch_info", "Always 1.", labels=["node", "version", "engine"])
    info.add_metric([status.node, status.version, status.engine], 1)
    yield info
    yield _gauge("softswitch_start_time_seconds", "When the switch started, since 1970.", status.started)
    yield _gauge("softswitch_calls_active", "Calls alive.", status.calls)
    yield _gauge("softswitch_calls_limit", "Calls allowed at once.", status.max_calls)
    yield _gauge("softswitch_draining", "1: new calls are refused.", float(status.draining))
    yield _counter("softswitch_control_cpu_seconds", "CPU of the control process.", status.cpu_s)
    yield _gauge("softswitch_event_loop_lag_seconds", "Worst in the last second.", status.loop_lag_ms / 1000)
    yield _gauge("softswitch_tasks", "Tasks of the control process; 0 outside its loop.", _tasks())
    yield _gauge("softswitch_storage_ok", "1: rows reach the database.", float(status.storage.state == "ok"))
    yield _gauge("softswitch_storage_spooled_rows", "Rows waiting in memory.", status.storage.spooled)
    alarms = GaugeMetricFamily("softswitch_alarm", "Alarms that are raised, by name.", labels=["name"])
    names = [alarm.name for alarm in status.alarms]
    for name in dict.fromkeys(names):
        alarms.add_metric([name], names.count(name))
    yield alarms


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


def _sip(status: StatusView) -> Iterator[Metric]:
    sip = status.sip
    messages = CounterMetricFamily("softswitch_sip_messages", "SIP messages.", labels=["direction"])
    messages.add_metric(["in"], sip.messages_in)
    messages.add_metric(["out"], sip.messages_out)
    yield messages
    requests = CounterMetricFamily("softswitch_sip_requests", "Requests.", labels=["method", "direction"])
    responses = CounterMetricFamily("softswitch_sip_responses", "Responses.", labels=["code", "direction"])
    ways = (("in", sip.requests_in, sip.responses_in), ("out", sip.requests_out, sip.responses_out))
    for direction, by_method, by_code in ways:
        for method, count in by_method.items():
            requests.add_metric([method, direction], count)
        for code, count in by_code.items():
            responses.add_metric([code, direction], count)
    yield requests
    yield responses
    invites = CounterMetricFamily("softswitch_sip_invites", "Sessions begun.", labels=["direction"])
    invites.add_metric(["in"], sip.calls_in)
    invites.add_metric(["out"], sip.calls_out)
    yield invites
    connections = GaugeMetricFamily("softswitch_sip_connections", "Connections.", labels=["transport"])
    for transport in ("tcp", "tls", "ws", "wss"):
        connections.add_metric([transport], sip.connections.get(transport, 0))
    yield connections
    refusals = CounterMetricFamily("softswitch_sip_refusals", "Requests refused at once.", labels=["code"])
    for code, count in sip.refusals.items():
        refusals.add_metric([code], count)
    yield refusals
    dropped = CounterMetricFamily("softswitch_sip_dropped", "Datagrams and connections.", labels=["reason"])
    for reason, count in sip.dropped.items():
        dropped.add_metric([reason], count)
    yield dropped
    yield _counter("softswitch_sip_retransmits", "Requests that came again.", sip.retransmits)
    yield _counter("softswitch_sip_malformed", "Messages that could not be read.", sip.malformed)
    yield _counter("softswitch_sip_strays", "Responses and ACKs that belong to nothing.", sip.strays)
    yield _counter("softswitch_sip_faults", "Exceptions of the switch.", sip.faults)
    yield _gauge("softswitch_sip_dialogs", "Dialogs alive.", status.sip.dialogs)


def _media(status: StatusView) -> Iterator[Metric]:
    packets = CounterMetricFamily("softswitch_rtp_packets", "RTP packets.", labels=["worker", "direction"])
    lost = CounterMetricFamily("softswitch_rtp_lost_packets", "Lost by sequence number.", labels=["worker"])
    legs = GaugeMetricFamily("softswitch_media_legs", "Legs open.", labels=["worker"])
    recordings = GaugeMetricFamily("softswitch_media_recordings", "Recordings being made.", labels=["worker"])
    late = GaugeMetricFamily(
        "softswitch_media_tick_late_seconds", "Worst in the last second.", labels=["worker"]
    )
    cpu = CounterMetricFamily("softswitch_media_cpu_seconds", "CPU of the worker.", labels=["worker"])
    for worker in status.workers:
        name = [str(worker.worker)]
        packets.add_metric([*name, "in"], worker.packets_in)
        packets.add_metric([*name, "out"], worker.packets_out)
        lost.add_metric(name, worker.packets_lost)
        legs.add_metric(name, worker.legs)
        recordings.add_metric(name, worker.recordings)
        late.add_metric(name, worker.late_ms / 1000)
        cpu.add_metric(name, worker.cpu_s)
    yield from (packets, lost, legs, recordings, late, cpu)


def _queues(queues: tuple[QueueView, ...]) -> Iterator[Metric]:
    callers = GaugeMetricFamily("softswitch_queue_callers", "Callers waiting.", labels=["queue"])
    oldest = GaugeMetricFamily("softswitch_queue_oldest_wait_seconds", "Longest wait now.", labels=["queue"])
    ratio = GaugeMetricFamily(
        "softswitch_queue_service_level_ratio",
        "Since start; sl: answered in time / answered; sl2: (answered + abandoned in time) / (answered + abandoned).",
        labels=["queue", "formula"],
    )
    for queue in queues:
        callers.add_metric([queue.queue], queue.waiting)
        oldest.add_metric([queue.queue], queue.longest_wait_s)
        ended = queue.answered + queue.abandoned
        if queue.answered:
            ratio.add_metric([queue.queue, "sl"], queue.answered_in_sl / queue.answered)
        if ended:
            ratio.add_metric([queue.queue, "sl2"], (queue.answered_in_sl + queue.abandoned_in_sl) / ended)
    yield from (callers, oldest, ratio)
