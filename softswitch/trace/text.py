"""Messages as text: a line with time and both addresses, then the message, as sngrep saves and ngrep prints it."""

from datetime import UTC, datetime


def entry(at: float, transport: str, sender: str, receiver: str, data: bytes) -> str:
    when = datetime.fromtimestamp(at, tz=UTC).strftime("%Y/%m/%d %H:%M:%S.%f")
    body = data.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
    return f"{transport.upper()} {when} {sender} -> {receiver}\n{body}\n\n"
