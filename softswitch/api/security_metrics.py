"""Metrics of bans, rates and load."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from softswitch.api.security_views import SecurityView


def security_metrics(view: SecurityView) -> Iterator[Metric]:
    yield GaugeMetricFamily("softswitch_bans", "Addresses and networks banned now.", value=len(view.bans))
    counts = CounterMetricFamily(
        "softswitch_security_events", "What was not heard, or done wrong, by the reason.", labels=["reason"]
    )
    for reason, count in sorted(view.counts.items()):
        counts.add_metric([reason], count)
    yield counts
    yield CounterMetricFamily(
        "softswitch_security_unanswered", "Requests too short to be answered.", value=view.unanswered
    )
    yield GaugeMetricFamily(
        "softswitch_overload_pressure", "1: new calls are refused; 2: registrations too.", value=view.pressure
    )
    yield CounterMetricFamily(
        "softswitch_overload_refused", "Requests refused because of load.", value=view.refused_by_load
    )
