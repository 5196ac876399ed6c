"""Subscriptions and messages in Prometheus' terms."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from softswitch.api.events_control import EventsControl


def event_metrics(control: EventsControl) -> Iterator[Metric]:
    view = control.figures()
    now = GaugeMetricFamily("softswitch_subscriptions", "Who watches something now.", labels=["package"])
    for package, count in view.subscriptions.items():
        now.add_metric([package], count)
    yield now
    refused = CounterMetricFamily("softswitch_subscriptions_refused", "SUBSCRIBEs refused.", labels=["code"])
    for code, count in view.refused.items():
        refused.add_metric([code], count)
    yield refused
    yield CounterMetricFamily("softswitch_notifies", "NOTIFYs of subscriptions sent.", value=view.notifies)
    yield CounterMetricFamily("softswitch_watched_changes", "Changes somebody watched.", value=view.changes)
    new = GaugeMetricFamily("softswitch_messages_new", "Messages nobody has heard.", labels=["box"])
    for box in control.boxes():
        new.add_metric([box.box], box.new)
    yield new
