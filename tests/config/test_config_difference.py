"""Proves what a reload reports: what changed, was added and removed, and what is in force only after a restart."""

from dataclasses import replace
from pathlib import Path

from softswitch.config.difference import Difference, difference, in_force
from softswitch.config.loader import load
from softswitch.config.prompts import Message
from softswitch.config.queues import Queue
from softswitch.config.schema import Config


def test_equal_configurations_differ_in_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[calendar.c]\nhours = { mon = "09:00-10:00" }\n')
    assert difference(load(file).config, load(file).config) == Difference()


def test_names_by_section() -> None:
    old = Config(queue={"a": Queue(), "b": Queue()}, message={"m": Message()})
    new = replace(
        old,
        sip=replace(old.sip, realm="x", listen=("udp://127.0.0.1:5070",)),
        queue={"b": Queue(timeout=20.0), "c": Queue()},
    )
    found = difference(old, new)
    assert found.changed == ("sip.listen", "sip.realm", "queue.b")
    assert (found.added, found.removed) == (("queue.c",), ("queue.a",))
    assert found.needs_restart == ("sip.listen",)
    assert found.touches("queue")
    assert not found.touches("message")


def test_what_needs_a_restart_stays_as_it_was() -> None:
    old = Config()
    new = replace(
        old,
        general=replace(old.general, state_dir="/elsewhere", max_calls=5),
        rtp=replace(old.rtp, ports="30000-30100", workers=3, timeout_s=9.0),
        queue={"q": Queue()},
    )
    assert difference(old, new).needs_restart == ("general.state_dir", "rtp.ports", "rtp.workers")
    kept = in_force(old, new)
    assert (kept.general.state_dir, kept.general.max_calls) == ("/var/lib/softswitch", 5)
    assert (kept.rtp.ports, kept.rtp.workers, kept.rtp.timeout_s) == ("10000-20000", 0, 9.0)
    assert kept.queue == new.queue
    assert difference(kept, new).changed == ("general.state_dir", "rtp.ports", "rtp.workers")
