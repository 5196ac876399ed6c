"""What a file that was not closed should say: its length is the truth, its header may be up to a second behind."""

from dataclasses import dataclass

from softswitch.recorder.wav import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    seconds: float
    """The true length."""
    header: bytes
    """To be written at the beginning of the file; empty: it is right as it is."""
    padding: bool
    """One byte has to follow the data, whose size is odd."""


def repair_of(header: bytes, file_bytes: int) -> Repair | None:
    """What to do with a file of `file_bytes` that begins with `header`; None: not a recording of ours."""
    wav = parse(header)
    if wav is None:
        return None
    format = wav.format
    said = wav.frames * format.frame_bytes
    held = max(0, file_bytes - format.header_bytes)
    if held == said + (said & 1):
        return Repair(seconds=wav.seconds, header=b"", padding=False)
    frames = held // format.frame_bytes
    size = frames * format.frame_bytes
    right = format.header(frames)
    return Repair(
        seconds=frames / 8000,
        header=b"" if right == header[: format.header_bytes] else right,
        padding=size == held and size % 2 == 1,
    )
