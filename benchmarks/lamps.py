"""What busy lamps cost: CPU for each NOTIFY, and for each change by how many watch it.

Runs the real notifier and stack of the switch, and phones that answer, in one process over a network in memory. The time of
the phones and of the network is measured apart, with the same messages, and taken off. Prints one JSON line:
`notify_us` is CPU of the switch for one NOTIFY with its 200 and its share of the change; `change_us` that of a change of a
resource with so many watchers until the last has answered; `unwatched_ns` that of a change that nobody watches, while all
the others are watched.
Run: `python -m benchmarks.lamps [--quick]`.
"""

import argparse
import json
import platform
import time
import timeit
from dataclasses import dataclass

from softswitch.sip.dialog_info import DialogStateName, WatchedDialog, item
from softswitch.sip.directory import Grant
from softswitch.sip.identity import Identity
from softswitch.sip.message import parse_message
from softswitch.sip.notifier_settings import NotifierSettings
from softswitch.sip.resource_state import Item, ResourceKey, ResourceState
from softswitch.sip.source import Source
from softswitch.testing.network import Packet
from softswitch.testing.stacks import StackPeer, StackWorld
from softswitch.testing.subscriber import Subscriber, Watch

SWITCH, PHONE = "192.0.2.1", "192.0.2.50"
SUBSCRIPTIONS = 500
STATES: tuple[DialogStateName, ...] = ("early", "confirmed")


def _key(name: str) -> ResourceKey:
    return ResourceKey("dialog", f"endpoint:{name}")


def _item(name: str, state: DialogStateName) -> Item:
    return item(
        WatchedDialog(id=f"leg-{name}", state=state, user=name, direction="recipient", remote="34600111222")
    )


class Everything:
    """Every name is a phone that anybody may watch."""

    def grant(self, package: str, user: str, identity: Identity) -> Grant:
        return Grant(resource=ResourceKey(package, f"endpoint:{user}"), detailed=True)

    def fill(self, resource: ResourceKey, state: ResourceState) -> None:
        """Idle."""

    def watching(self, resource: ResourceKey, on: bool) -> None:
        """Nobody has to know."""


@dataclass
class Floor:
    """`spread` phones are watched by equally many each; the lamps are all at one peer."""

    spread: int

    def __post_init__(self) -> None:
        self.world = StackWorld()
        self.switch: StackPeer = self.world.peer(SWITCH)
        self.switch.admission = lambda request, source: Identity("endpoint", "panel")
        self.notifier = self.switch.stack.notifier
        self.notifier.directory = Everything()
        self.notifier.settings = NotifierSettings(most=100_000, most_of_one=100_000, per_second=1000)
        self.phones_s = 0.0
        self.panel = Subscriber(
            self.world.network, PHONE, name="panel", switch=SWITCH, transmit=self._transmit
        )
        self.watches: list[Watch] = [
            self.panel.watch(str(1000 + number % self.spread), "dialog", 7200)
            for number in range(SUBSCRIPTIONS)
        ]
        self.run()
        self.world.network.packets.clear()

    def _transmit(self, data: bytes, sender: Source, receiver: Source) -> Packet:
        return self.world.network.send(data, sender, receiver, self.world.now)

    def run(self) -> None:
        self.world.run(0.5)

    def change(self, name: str, state: DialogStateName) -> float:
        """Seconds of CPU until all have been told and have answered."""
        began = time.process_time()
        self.notifier.put(_key(name), f"leg-{name}", _item(name, state))
        self.run()
        return time.process_time() - began


def _phones_share(floor: Floor, notify: bytes) -> float:
    """Seconds of CPU that a lamp's own reading and answering of one NOTIFY takes."""
    watch = floor.watches[0]
    kept = list(watch.notifies)
    request = parse_message(notify)
    place = floor.switch.place["udp"]

    def answer() -> None:
        watch.notifies.clear()
        floor.panel._receive(notify, place, floor.world.now)

    assert request.call_id == watch.call_id
    seconds = timeit.timeit(answer, number=500) / 500
    floor.world.network._under_way.clear()
    watch.notifies[:] = kept
    return seconds


def measure(changes: int) -> dict[str, object]:
    by_watchers: dict[str, float] = {}
    notify_us = 0.0
    for watchers in (1, 10, 100, SUBSCRIPTIONS):
        floor = Floor(SUBSCRIPTIONS // watchers)
        name = "1000"
        floor.change(name, "trying")
        total = sum(floor.change(name, STATES[turn % 2]) for turn in range(changes))
        idle = sum(floor.change("none", "early") for _ in range(changes))
        mine = [watch for watch in floor.watches if watch.user == name]
        versions = {watch.notifies[-1].body.split(b'version="')[2].split(b'"')[0] for watch in mine}
        assert versions == {str(changes + 1).encode()}, versions
        notify = mine[0].notifies[-1].to_bytes()
        seconds = (total - idle) / changes - watchers * _phones_share(floor, notify)
        by_watchers[str(watchers)] = round(seconds * 1e6, 1)
        notify_us = seconds / watchers * 1e6
    nobody = _item("none", "early")
    unwatched = timeit.timeit(lambda: floor.notifier.put(_key("none"), "leg", nobody), number=20_000) / 20_000
    return {
        "benchmark": "lamps",
        "subscriptions": SUBSCRIPTIONS,
        "changes": changes,
        "notify_us": round(notify_us, 1),
        "change_us": by_watchers,
        "unwatched_ns": round(unwatched * 1e9),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer changes")
    print(json.dumps(measure(3 if parser.parse_args().quick else 20)))


if __name__ == "__main__":
    main()
