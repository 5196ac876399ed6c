"""Proves that every metric the Grafana dashboard asks for is one that the switch has, with the labels that it is asked
by, and that the names of the feeds' metrics are there.

Does not prove how Grafana draws it.
"""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from softswitch.api.metrics import Metrics
from softswitch.bus import Bus
from softswitch.facts import (
    AudioImpaired,
    CallEnded,
    CallerLeftQueue,
    LegEnded,
    OfferEnded,
)
from softswitch.ids import AgentId, CallId, LegId, OfferId, QueueName
from softswitch.testing.control import FakeControl

DASHBOARD = Path(__file__).parents[2] / "contrib/grafana-dashboard.json"
NAME = re.compile(r"softswitch_[a-z0-9_]+")
LABELS = re.compile(r"(softswitch_[a-z0-9_]+)\{([^}]*)\}")
AT = {"wall": 1.0, "monotonic": 1.0}
CALL, QUEUE = CallId("C1"), QueueName("sales")


def samples() -> dict[str, set[str]]:
    """Name of each sample to its labels, after one of everything has happened."""
    metrics, bus = Metrics(FakeControl()), Bus()
    metrics.attach(bus)
    for fact in (
        CallEnded(call=CALL, by="caller", cause="normal", sip_status=200, source="trunk:x", talk_s=5.0, **AT),
        CallerLeftQueue(call=CALL, queue=QUEUE, reason="connected", waited_s=3.0, position=1, **AT),
        OfferEnded(
            call=CALL, offer=OfferId("O"), queue=QUEUE, agent=AgentId("a"), result="busy", rang_s=1.0, **AT
        ),
        AudioImpaired(call=CALL, leg=LegId("L"), kind="silence", reason="x", message="x", **AT),
        LegEnded(
            call=CALL, leg=LegId("L"), direction="in", codec="PCMA", packets=9, loss=0.0, jitter_s=0.0,
            mos=4.4, rtt_s=0.1, **AT,
        ),
    ):  # fmt: skip
        bus.publish(fact)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def test_every_metric_of_the_dashboard_is_there_with_its_labels() -> None:
    known = samples()
    asked = expressions()
    assert len(asked) > 30
    for expression in asked:
        for name in NAME.findall(expression):
            assert name in known, f"{name} of {expression}"
        for name, labels in LABELS.findall(expression):
            for label in re.findall(r"([a-z]+)(?:=~|=|!=)", labels):
                assert label in known[name], f"{label} of {expression}"
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            [name, *_] = NAME.findall(expression)
            for label in labels.split(", "):
                assert label in known[name], f"{label} of {expression}"


def test_panels_do_not_overlap_and_have_titles() -> None:
    seen: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"] and not cells & seen and place["x"] + place["w"] <= 24
        seen |= cells


def test_the_feeds_have_metrics() -> None:
    known = samples()
    for name in ("softswitch_event_followers", "softswitch_manager_clients", "softswitch_webhook_waiting"):
        assert name in known
    assert known["softswitch_webhook_events_total"] == {"webhook", "result"}
