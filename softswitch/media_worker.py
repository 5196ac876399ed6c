"""Composition root of a media worker: `python -m softswitch.media_worker --socket PATH --ports FIRST-LAST`.

Started by the controller, which writes the 32 bytes of the shared secret to standard input and waits for the line
`ready` on standard output. Further options: `--quiet`, `--silent`, `--linger`, each in seconds, `--engine`, `--nice`, and
`--quality`, a JSON object. Without any, the process is a spare one: it loads what it needs and takes the options from
standard input, behind the secret, a word a line.
"""

import json
import logging
import sys

import structlog

from softswitch.config.media import Quality
from softswitch.errors import UnusableError
from softswitch.recorder.voice_tap import VoiceTap
from softswitch.recorder.writer import RecordingWriter
from softswitch.rtp.engines import WANTED
from softswitch.rtp.handshake import SECRET_BYTES, settings_text
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.worker import Worker, WorkerSettings

OPTIONS = ("--socket", "--ports", "--quiet", "--silent", "--linger", "--engine", "--nice", "--quality")


def settings_of(arguments: list[str]) -> WorkerSettings:
    """Raises UnusableError that says what was expected."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if len(arguments) % 2 or given.keys() - set(OPTIONS) or not {"--socket", "--ports"} <= given.keys():
        raise UnusableError(
            f"expected {' VALUE '.join(OPTIONS)} VALUE, of which --socket and --ports are needed"
        )
    if (engine := given.get("--engine", "auto")) not in WANTED:
        raise UnusableError(f"--engine is one of {', '.join(WANTED)}")
    try:
        return WorkerSettings(
            socket=given["--socket"],
            ports=PortRange.parse(given["--ports"]),
            quiet_s=float(given.get("--quiet", "5")),
            silent_s=float(given.get("--silent", "60")),
            linger_s=float(given.get("--linger", "2")),
            text=settings_text(arguments),
            engine=engine,
            nice=int(given.get("--nice", "0")),
            quality=_limits(given.get("--quality", "{}")),
        )
    except ValueError as error:
        raise UnusableError(str(error)) from error


def _limits(text: str) -> Quality:
    """Raises ValueError."""
    given = json.loads(text)
    try:
        return Quality(**given)
    except TypeError as error:
        raise ValueError(f"--quality: {error}") from error


def main() -> int:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    try:
        given = sys.stdin.buffer.read()
        if not given and not sys.argv[1:]:
            return 0  # a spare one that was never needed
        secret, told = given[:SECRET_BYTES], given[SECRET_BYTES:].decode().splitlines()
        settings = settings_of(sys.argv[1:] or told)
        if len(secret) != SECRET_BYTES:
            raise UnusableError(f"expected {SECRET_BYTES} bytes of secret on standard input")
        worker = Worker(settings, VoiceTap(RecordingWriter()), secret)
    except (UnusableError, OSError) as error:
        print(f"media worker: {error}", file=sys.stderr)
        return 1
    print("ready", flush=True)
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
