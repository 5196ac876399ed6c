"""Who hears what happens, in Prometheus' terms."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from softswitch.api.feed import FeedControl


def feed_metrics(control: FeedControl) -> Iterator[Metric]:
    view = control.figures()
    yield GaugeMetricFamily("softswitch_event_followers", "Who follows the events now.", value=view.followers)
    yield GaugeMetricFamily(
        "softswitch_manager_clients", "Clients of the manager interface.", value=view.manager_clients
    )
    waiting = GaugeMetricFamily("softswitch_webhook_waiting", "Events waiting.", labels=["webhook"])
    events = CounterMetricFamily(
        "softswitch_webhook_events", "Events by what came of them.", labels=["webhook", "result"]
    )
    for hook in view.webhooks:
        waiting.add_metric([hook.webhook], hook.waiting)
        for result, count in (("taken", hook.taken), ("retried", hook.retried), ("lost", hook.lost)):
            events.add_metric([hook.webhook, result], count)
    yield waiting
    yield events
