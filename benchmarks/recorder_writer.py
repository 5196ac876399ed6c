"""CPU of the recorder itself: rows as the media worker hands them over, to files, in real time order but without waiting.

    python -m benchmarks.recorder_writer [recordings] [seconds] [tracks]

Prints one JSON line: CPU per recorded second of one call (tracks of 50 packets a second, two unless told), what that is of
a core per 100 calls, and how long single flushes take. Files go to a temporary folder and are removed.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from softswitch.ids import RecordingId
from softswitch.recorder.writer import RecordingWriter
from softswitch.tap import RecordingSpec, TapRows

TICK_S = 0.005
FLUSHES_PER_S = 20


def tick_rows(slots: np.ndarray, per_call: int, tick: int, payload: np.ndarray) -> TapRows:
    """The quarter of the tracks whose packet falls into this tick of 5 ms."""
    tracks = np.arange(len(slots) * per_call)
    mine = tracks[tracks % 4 == tick % 4]
    count = len(mine)
    return TapRows(
        slot=slots[mine // per_call].astype(np.int32),
        track=(mine % per_call).astype(np.uint8),
        ssrc=np.full(count, 7, np.uint32),
        timestamp=np.full(count, tick // 4 * 160, np.uint32),
        arrival=np.full(count, 100.0 + tick * TICK_S),
        law=np.zeros(count, np.uint8),
        length=np.full(count, 160, np.int32),
        payload=payload[:count],
    )


def main() -> None:
    given = [int(argument) for argument in sys.argv[1:]]
    recordings, seconds, tracks = [*given, *(200, 20, 2)[len(given) :]]
    payload = np.random.default_rng(1).integers(0, 256, (recordings * tracks, 160), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        writer = RecordingWriter()
        slots = np.array(
            [
                writer.open(
                    RecordingSpec(
                        recording=RecordingId(str(index)),
                        path=str(Path(folder) / f"{index}.wav"),
                        channels=tracks,
                        encoding="PCMU",
                        max_s=0.0,
                    ),
                    100.0,
                )
                for index in range(recordings)
            ]
        )
        spent: list[float] = []
        batches = [tick_rows(slots, tracks, tick, payload) for tick in range(int(seconds / TICK_S))]
        began = time.process_time()
        for tick, rows in enumerate(batches):
            writer.append(rows)
            if tick % (200 // FLUSHES_PER_S) == 0:
                start = time.perf_counter()
                writer.flush(100.0 + tick * TICK_S)
                spent.append(time.perf_counter() - start)
        cpu = time.process_time() - began
        whole = 0
        for slot in slots:
            report = writer.close(int(slot), 100.0 + seconds)
            whole += report.gaps == 0 and abs(report.seconds - seconds) <= 0.02
    figures = {
        "benchmark": "recorder_writer",
        "recordings": recordings,
        "tracks": tracks,
        "seconds": seconds,
        "whole": whole,
        "cpu_us_per_call_second": round(cpu / recordings / seconds * 1e6, 1),
        "core_per_100_calls": round(cpu / recordings / seconds * 100, 4),
        "flush_ms_p50": round(statistics.median(spent) * 1e3, 2),
        "flush_ms_p99": round(sorted(spent)[int(len(spent) * 0.99)] * 1e3, 2),
        "flush_ms_longest": round(max(spent) * 1e3, 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
