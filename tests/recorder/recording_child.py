"""A process that records in real time until it is killed; run by test_recording_kill.py.

    python recording_child.py FOLDER RECORDINGS ENCODING

Each track repeats known bytes. Prints `ready` when all recordings have begun. The file FOLDER/flushed holds two doubles:
when it last let the recorder write, and its longest pause between two such moments, in seconds since the beginning.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

import numpy as np

from softswitch.ids import RecordingId
from softswitch.recorder.writer import RecordingWriter
from softswitch.tap import RecordingSpec, TapRows

FRAME = 160


def sound(track: int) -> bytes:
    """Ten seconds."""
    return np.random.default_rng(track).integers(0, 128, 80_000, np.uint8).tobytes()


def stamps(path: Path) -> mmap.mmap:
    """What is written to it is seen by others at once, and stays when this process is killed."""
    with path.open("w+b") as file:
        file.truncate(16)
        return mmap.mmap(file.fileno(), 16)


def main() -> None:
    folder, count, encoding = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    writer = RecordingWriter()
    start = time.monotonic()
    slots = []
    for index in range(count):
        path = str(folder / f"{index}.wav")
        recording = RecordingSpec(
            recording=RecordingId(str(index)), path=path, channels=2, encoding=encoding, max_s=0.0
        )
        slots.append(writer.open(recording, start))
    rows = count * 2
    payloads = [np.frombuffer(sound(track), np.uint8).reshape(-1, FRAME) for track in (0, 1)]
    slot, track = np.repeat(np.array(slots, np.int32), 2), np.tile(np.array([0, 1], np.uint8), count)
    seen, pause = stamps(folder / "flushed"), 0.0
    print("ready", start, flush=True)
    flushed = start
    for packet in range(500):
        at = start + packet * FRAME / 8000
        while (now := time.monotonic()) < at:
            time.sleep(at - now)
        writer.append(
            TapRows(
                slot=slot,
                track=track,
                ssrc=np.full(rows, 5, np.uint32),
                timestamp=np.full(rows, packet * FRAME, np.uint32),
                arrival=np.full(rows, at),
                law=np.zeros(rows, np.uint8),
                length=np.full(rows, FRAME, np.int32),
                payload=np.stack([payloads[index % 2][packet] for index in range(rows)]),
            )
        )
        # As the media worker does, which reads all that waits in the kernel before it lets anything be written.
        caught_up = time.monotonic() < at + FRAME / 8000
        if caught_up and now - flushed >= 0.05:
            writer.flush(now)
            flushed, pause = now, max(pause, now - flushed)
            seen[:] = struct.pack("dd", now - start, pause)


if __name__ == "__main__":
    main()
