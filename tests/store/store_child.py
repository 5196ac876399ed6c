"""A process that stores calls until it is killed; run by test_store_kill.py.

    python store_child.py FOLDER

Prints `started ID` and `finished ID` after each commit that was acknowledged.
"""

import asyncio
import sys

from store_rows import finished, journal, recording, started, visit

from softswitch.clock import SystemClock
from softswitch.store.store import Store


async def one_call(store: Store, call: str) -> None:
    now = SystemClock().wall()
    if await store.call_started(started(call, started=now)):
        print("started", call, flush=True)
    store.journal(journal(call, entered=now))
    store.recording(recording(f"r{call}", call=call))
    await asyncio.sleep(0.03)
    store.visit(visit(call))
    store.heartbeat()
    if await store.call_finished(finished(call, ended=SystemClock().wall())):
        print("finished", call, flush=True)


async def main() -> None:
    store = await Store.open(f"sqlite:///{sys.argv[1]}/s.db", clock=SystemClock(), on_alarm=lambda *_: None)
    print("ready", flush=True)
    running = []
    for index in range(100_000):
        running.append(asyncio.create_task(one_call(store, f"{index:06}")))
        await asyncio.sleep(0.004)


asyncio.run(main())
