"""Proves that histograms of ours say what `prometheus_client`'s own would of the same values: buckets, labels, count, sum.

Does not prove which figures there are (`test_audio_metrics.py` and the tests of the HTTP API).
"""

from prometheus_client import CollectorRegistry, Histogram

from softswitch.api.counts import Spread

BOUNDS = [1, 2.5, 20]
"""A threshold of a queue may be written as a whole number."""
VALUES = (0.0, 1.0, 1.1, 2.5, 19.9, 20.0, 21.0)


def test_buckets_are_labelled_and_counted_as_prometheus_does() -> None:
    registry = CollectorRegistry()
    theirs = Histogram("wait", "Wait.", ["queue"], buckets=BOUNDS, registry=registry)
    ours = Spread("wait", "Wait.", BOUNDS, ["queue"])
    for value in VALUES:
        theirs.labels("sales").observe(value)
        ours.observe(value, "sales")
    expected = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in ours.family().samples
    } == expected
