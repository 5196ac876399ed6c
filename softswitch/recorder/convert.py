"""Exports a finished recording as FLAC, Ogg-Opus or WAV PCM16, with libsndfile, in a process of its own.

A process, because a file is minutes of work for the interpreter's one lock, and because libsndfile then cannot take a call
with it. It runs at the lowest priority. The target appears whole or not at all; with `check` only when it was read again
and holds what the source does: every sample for FLAC and WAV, the length for Opus, which only sounds like it.
"""

import asyncio
import os
import sys
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from softswitch.errors import StorageError
from softswitch.priority import prefer_no_more

FORMATS = {"flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS"), "wav": ("WAV", "PCM_16")}
"""Name of an export format to libsndfile's format and subtype; also its file suffix."""
SUFFIXES = {"flac": ".flac", "opus": ".opus"}
_LOSSY = {"opus"}
_LOSSY_FRAMES = 800
"""A tenth of a second that a lossy file may be longer or shorter."""
_BLOCK_FRAMES = 65_536
_TIMEOUT_S = 600.0


def convert_file(source: Path, target: Path, format: str, *, check: bool = False) -> float:
    """Read any recording and write it as `format`; returns its seconds. Raises StorageError."""
    container, subtype = FORMATS[format]
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with soundfile.SoundFile(source) as wav:
            rate, channels = wav.samplerate, wav.channels
            with soundfile.SoundFile(part, "w", rate, channels, subtype, format=container) as out:
                while len(block := wav.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)):
                    out.write(block)
            seconds = wav.frames / rate
        if check:
            _compare(source, part, exact=format not in _LOSSY)
            _synchronize(part)
        part.replace(target)
    except StorageError:
        part.unlink(missing_ok=True)
        raise
    except (OSError, soundfile.SoundFileError) as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{source.name} cannot be exported as {format}: {error}") from error
    return float(seconds)


def _compare(source: Path, made: Path, *, exact: bool) -> None:
    """Raises StorageError when the new file is not the old one."""
    with soundfile.SoundFile(source) as old, soundfile.SoundFile(made) as new:
        if (old.samplerate, old.channels) != (new.samplerate, new.channels):
            raise StorageError(f"{source.name}: what was made has another rate or other channels")
        if abs(old.frames - new.frames) > (0 if exact else _LOSSY_FRAMES):
            raise StorageError(
                f"{source.name}: what was made has {new.frames} frames instead of {old.frames}"
            )
        while exact and len(block := old.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)):
            if not np.array_equal(block, new.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)):
                raise StorageError(f"{source.name}: what was made differs from it")


def _synchronize(path: Path) -> None:
    """The old file goes when the new one is there: it has to survive a loss of power."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


async def convert(source: Path, target: Path, format: str, *, check: bool = False) -> float:
    """The same in another process; raises StorageError with what that one said."""
    if format not in FORMATS:
        raise StorageError(f"{format} is no export format; {', '.join(FORMATS)} are")
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "softswitch.recorder.convert",
            str(source),
            str(target),
            format,
            *(["check"] if check else []),
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    prefer_no_more(process.pid)
    try:
        out, problem = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        lines = problem.decode("utf-8", "replace").strip().splitlines()
        raise StorageError(lines[-1] if lines else f"the export ended with status {process.returncode}")
    return float(out)


def _main(arguments: list[str]) -> int:
    source, target, format, *check = arguments
    os.nice(19)
    try:
        print(convert_file(Path(source), Path(target), format, check=bool(check)))
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
