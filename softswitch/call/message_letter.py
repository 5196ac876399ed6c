"""A message in a box as a mail: who called, when, for how long, and the recording as WAV of 16 bits for any player.

RFC 5322 and MIME by the standard library; what came from a caller is cut to one printable line before it is a header.
"""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import soundfile  # type: ignore[import-untyped]

from softswitch.store.rows import RecordingRow

LONGEST_WORD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    sender: str
    addresses: tuple[str, ...]
    content: bytes


def letter(
    row: RecordingRow,
    sound: Path,
    *,
    sender: str,
    addresses: tuple[str, ...],
    timezone: str,
    node: str,
    max_bytes: float,
) -> Letter:
    """Reads the recording: for a thread. Raises OSError when it cannot be read."""
    left = datetime.fromtimestamp(row.began, tz=UTC).astimezone(ZoneInfo(timezone))
    caller, length = _word(row.ani), _length(row.seconds or 0.0)
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(addresses)
    mail["Subject"] = f"Message for {_word(row.box)} from {caller} ({length})"
    mail["Date"] = format_datetime(left)
    # The same at each try, so that a mail that arrived without our knowing is known as the same.
    mail["Message-ID"] = f"<{_word(row.recording)}.{_word(node)}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [
        f"Box:    {_word(row.box)}",
        f"From:   {caller}",
        f"To:     {_word(row.dnis)}",
        f"Time:   {left:%Y-%m-%d %H:%M:%S %Z}",
        f"Length: {length}",
        f"Id:     {row.recording}",
    ]
    wav = _as_pcm(sound)
    if len(wav) > max_bytes:
        lines.append("The recording is too large for a mail; it is in the box.")
        wav = b""
    mail.set_content("\n".join(lines) + "\n")
    if wav:
        name = f"message-{_word(row.box)}-{left:%Y%m%d-%H%M%S}.wav"
        mail.add_attachment(wav, maintype="audio", subtype="wav", filename=name)
    return Letter(sender=sender, addresses=addresses, content=mail.as_bytes())


def _as_pcm(sound: Path) -> bytes:
    try:
        samples, rate = soundfile.read(str(sound), dtype="int16")
        made = io.BytesIO()
        soundfile.write(made, samples, rate, format="WAV", subtype="PCM_16")
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise OSError(f"{sound.name} cannot be read: {error}") from None
    return made.getvalue()


def _word(text: str) -> str:
    """Fit for a header and for a file's name."""
    kept = "".join(char for char in text if char.isascii() and (char.isalnum() or char in "+-_.*"))
    return kept[:LONGEST_WORD] or "unknown"


def _length(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"
