"""When a mail that could not be sent is tried again, and when it is given up. Pure."""

from dataclasses import replace

from softswitch.config.voice import Mail
from softswitch.store.voice_rows import MailRow

HOUR_S = 3600.0
LONGEST_PROBLEM = 300


def after_success(
    row: MailRow, refused: tuple[str, ...], problem: str, settings: Mail, now: float
) -> MailRow:
    """The server has it; who was refused is tried again."""
    if refused:
        kept = replace(row, addresses=" ".join(refused))
        return after_failure(kept, problem or "refused by the server", settings, now)
    return replace(row, state="sent", attempts=row.attempts + 1, next_at=None, ended=now, problem="")


def after_failure(row: MailRow, problem: str, settings: Mail, now: float) -> MailRow:
    """Pauses double from `retry_min_s` to `retry_max_s`; after `give_up_h` there is no further try."""
    tried = replace(row, attempts=row.attempts + 1, problem=problem[:LONGEST_PROBLEM])
    if now - row.asked >= settings.give_up_h * HOUR_S:
        return replace(tried, state="failed", next_at=None, ended=now)
    pause = min(settings.retry_max_s, settings.retry_min_s * 2.0 ** min(row.attempts, 30))
    return replace(tried, next_at=now + pause)


def gone(row: MailRow, now: float) -> MailRow:
    """The message was deleted before its mail could be sent."""
    return replace(row, state="gone", next_at=None, ended=now)
