"""Runs the program that speaks a text (`[speech]`): its arguments from the template, the text on its standard input, the
sound in a file. A shell.

Blocks until it has ended; for a thread. What it made counts only when libsndfile can read it.
"""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import soundfile  # type: ignore[import-untyped]

from softswitch.errors import OurError

LONGEST_S: Final = 600.0
"""Of speech; more is the work of a program that has lost its way."""
_NICE: Final = 10
"""Callers' audio goes before what is still to be said."""
_SAID: Final = 200


class SpeechFailed(OurError):
    """The program is missing, failed, took too long, or made no sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOrder:
    command: tuple[str, ...]
    text: str
    voice: str
    rate: int
    timeout_s: float
    file: Path
    """Where the sound belongs; its folder exists."""


def arguments(order: SpeechOrder, file: str) -> list[str]:
    """The command with what stands in braces replaced."""
    values = {"voice": order.voice, "rate": str(order.rate), "file": file}
    return [part.format_map(values) for part in order.command]


def speak_to_file(order: SpeechOrder) -> None:
    """Makes the file, whole or not at all. Raises SpeechFailed."""
    made = order.file.with_name(f".{order.file.stem}.{os.getpid()}.part.wav")
    try:
        _run(order, str(made))
        _judge(made)
        made.replace(order.file)
    except OSError as error:
        raise SpeechFailed(f"{order.command[0]}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)


def _run(order: SpeechOrder, file: str) -> None:
    program = order.command[0]
    try:
        process = subprocess.Popen(
            arguments(order, file),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise SpeechFailed(f"{program} is not installed; install it, or change speech.command") from None
    with process:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        try:
            _, said = process.communicate(order.text.encode("utf-8", "replace"), timeout=order.timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(OSError):  # with what it has started: a shell's programs, too
                os.killpg(process.pid, signal.SIGKILL)
            raise SpeechFailed(f"{program} did not end within {order.timeout_s:g} s") from None
    if process.returncode:
        words = said.decode(errors="replace").strip()[:_SAID]
        raise SpeechFailed(f"{program} failed: {words or process.returncode}")


def _judge(file: Path) -> None:
    try:
        info = soundfile.info(str(file))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise SpeechFailed(f"what was spoken is no sound: {error}") from None
    if not info.frames:
        raise SpeechFailed("nothing was spoken")
    if info.duration > LONGEST_S:
        raise SpeechFailed(f"{info.duration:.0f} s were spoken, more than {LONGEST_S:g} s")
