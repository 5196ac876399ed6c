"""CPU per whole call of the store's writer, and of its way to the database beside that of `aiosqlite`.

    python -m benchmarks.store_writer [calls a second] [seconds]

A call is 14 rows: its start, four stages, two legs, two offers, a visit, an interval, a recording twice and its end; start
and end are waited for, as a call does. Prints one JSON line. CPU is that of the whole process, both threads.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosqlite

from softswitch.clock import SystemClock
from softswitch.ids import AgentId, CallId, LegId, OfferId, QueueName, RecordingId
from softswitch.store.opening import upgrade
from softswitch.store.rows import (
    AgentInterval,
    CallFinished,
    CallStarted,
    JournalEntry,
    LegRow,
    OfferRow,
    QueueVisit,
    RecordingRow,
    Row,
)
from softswitch.store.sqlite import PRAGMAS, SqliteSink, grouped
from softswitch.store.store import Store

QUEUE, AGENT = QueueName("sales"), AgentId("ana")


def start_of(call: CallId) -> CallStarted:
    return CallStarted(
        call=call,
        node="sw1",
        started=1.0,
        source="trunk:a",
        ani="+34600000000",
        ani_name="Ana",
        dnis="+34910000000",
        sip_call_id=f"{call}@192.0.2.1",
    )


def middle_of(call: CallId) -> list[Row]:
    visit = QueueVisit(
        call=call,
        queue=QUEUE,
        entered=1.0,
        left=9.0,
        outcome="answered",
        wait_s=8.0,
        position=1,
        original_position=2,
        priority=0,
        agent=AGENT,
        talk_s=60.0,
    )
    recording = RecordingRow(
        recording=RecordingId(call),
        call=call,
        path=f"2026-01-01/{call}.wav",
        began=9.0,
        queue=QUEUE,
        agent=AGENT,
        ani="+34600000000",
        dnis="+34910000000",
        box="",
        encoding="PCMU",
        channels=2,
    )
    interval = AgentInterval(
        agent=AGENT,
        status="available",
        reason="",
        state="talking",
        began=float(hash(call) % 10**9),
        ended=10.0**10,
        queue=QUEUE,
        call=call,
    )
    return [
        *(
            JournalEntry(call=call, stage=stage, arguments={"queue": "sales"}, entered=2.0)
            for stage in "gwta"
        ),
        *(leg_of(call, side) for side in ("in", "out")),
        *(offer_of(call, index) for index in range(2)),
        visit,
        interval,
        recording,
        recording,
    ]


def leg_of(call: CallId, side: str) -> LegRow:
    return LegRow(
        leg=LegId(f"{call}{side}"),
        call=call,
        direction=side,
        party="endpoint:1001",
        began=1.0,
        answered=2.0,
        ended=70.0,
        sip_status=200,
        sip_call_id=f"{call}{side}@192.0.2.1",
        codec="PCMU",
        packets_in=3000,
        packets_out=3000,
        packets_lost=0,
        jitter_ms=0.4,
    )


def offer_of(call: CallId, index: int) -> OfferRow:
    why = (
        '{"strategy":"longest-idle","candidates":[' + ",".join(['{"agent":"ana","score":[0,1.5]}'] * 5) + "]}"
    )
    return OfferRow(
        offer=OfferId(f"{call}{index}"),
        call=call,
        queue=QUEUE,
        agent=AGENT,
        offered=2.0,
        ended=4.0,
        result="answered",
        sip_status=200,
        rang_s=2.0,
        why=why,
    )


def finish_of(call: CallId) -> CallFinished:
    return CallFinished(
        call=call,
        ended=70.0,
        answered=1.1,
        bridged=9.0,
        ended_by="caller",
        cause="normal",
        sip_status=200,
        last_stage="talk",
        queue=QUEUE,
        wait_s=8.0,
        agent=AGENT,
        destination="agent:ana",
        talk_s=60.0,
        hold_s=0.0,
        recording=RecordingId(call),
        packets_in=3000,
        packets_lost=0,
        jitter_ms=0.4,
    )


async def one_call(store: Store, call: CallId, waits: list[float]) -> None:
    began = time.perf_counter()
    await store.call_started(start_of(call))
    waits.append(time.perf_counter() - began)
    for row in middle_of(call):
        store.writer.submit(row)
        await asyncio.sleep(0.02)
    began = time.perf_counter()
    await store.call_finished(finish_of(call))
    waits.append(time.perf_counter() - began)


async def at_rate(folder: Path, rate: int, seconds: int) -> dict[str, float]:
    """Calls at a steady rate. The CPU of the same tasks without a store is taken away."""
    store = await Store.open(f"sqlite:///{folder}/a.db", clock=SystemClock(), on_alarm=print)
    waits: list[float] = []
    spent = {}
    for name in ("idle", "store"):
        began = time.process_time()
        tasks = []
        for index in range(rate * seconds):
            tasks.append(
                asyncio.create_task(
                    one_call(store, CallId(f"c{index}"), waits)
                    if name == "store"
                    else nothing(CallId(f"c{index}"))
                )
            )
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*tasks)
        spent[name] = time.process_time() - began
    waits.sort()
    commits, rows = store.writer.commits, store.writer.written
    await store.close()
    return {
        "cpu_us_per_call": round((spent["store"] - spent["idle"]) / rate / seconds * 1e6, 1),
        "commit_ms_p50": round(statistics.median(waits) * 1e3, 2),
        "commit_ms_p99": round(waits[int(len(waits) * 0.99)] * 1e3, 2),
        "rows_per_commit": round(rows / commits, 1),
    }


async def nothing(call: CallId) -> None:
    """The same call without the store, rows included: they are the caller's."""
    start_of(call)
    for _ in middle_of(call):
        await asyncio.sleep(0.02)
    finish_of(call)


async def batches(write: Callable[[list[Row]], Awaitable[None]], calls: int) -> float:
    """CPU in µs per call when each transaction holds two whole calls, as groups do at 100 calls a second."""
    work = []
    for first in range(0, calls, 2):
        batch: list[Row] = []
        for call in (CallId(f"b{first}"), CallId(f"b{first + 1}")):
            batch += [start_of(call), *middle_of(call), finish_of(call)]
        work.append(batch)
    began = time.process_time()
    for batch in work:
        await write(batch)
    return round((time.process_time() - began) / calls * 1e6, 1)


async def compared(folder: Path, calls: int) -> dict[str, float]:
    """The same transactions by one hop to a thread, and by `aiosqlite`, which hops for each statement."""
    loop, sink = asyncio.get_running_loop(), SqliteSink(folder / "b.db")
    upgrade(folder / "b.db")
    upgrade(folder / "c.db")
    with ThreadPoolExecutor(1) as thread:

        async def through_thread(batch: list[Row]) -> None:
            await loop.run_in_executor(thread, sink.write, batch)

        ours = await batches(through_thread, calls)
    async with aiosqlite.connect(folder / "c.db", isolation_level=None) as connection:
        for pragma in PRAGMAS:
            await connection.execute(pragma)

        async def through_aiosqlite(batch: list[Row]) -> None:
            await connection.execute("BEGIN IMMEDIATE")
            for statement, kind in grouped(batch):
                await connection.executemany(statement.sql, [statement.parameters(row) for row in kind])
            await connection.execute("COMMIT")

        theirs = await batches(through_aiosqlite, calls)
    return {"thread_cpu_us_per_call": ours, "aiosqlite_cpu_us_per_call": theirs}


async def main() -> None:
    rate, seconds = (int(argument) for argument in (*sys.argv[1:], "100", "10")[:2])
    with tempfile.TemporaryDirectory() as folder:
        figures: dict[str, object] = {"benchmark": "store_writer", "calls_per_s": rate, "seconds": seconds}
        figures |= await at_rate(Path(folder), rate, seconds)
        figures |= await compared(Path(folder), 2000)
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
