"""Who subscribes to lamps, in a file beside the database, so that a new process can end what a dead one promised.

A line for each that begins, moves or ends, and the whole anew when most lines are of the past: what it costs goes with the
changes, and nothing for refreshes. Not synced: a kill leaves what was written; after a loss of power phones wait for the
end of their time, as without this file. What cannot be read or written is left, and lamps work all the same.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog

from softswitch.compact import compact
from softswitch.errors import PeerError
from softswitch.sip.last_notify import SubscriptionRecord, record_of
from softswitch.sip.notifier import Notifier
from softswitch.sip.subscription import Subscription

NAME = "subscriptions"
MOST_LINES = 100_000
SPARE_LINES = 1_000
"""Lines of the past that are never worth writing anew for."""

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
"""For its owner only: whoever knows the tags of a dialog can speak in it."""
_log = structlog.get_logger(__name__)
_Key = tuple[str, str]


class KeptSubscriptions:
    def __init__(self, notifier: Notifier, path: Path) -> None:
        self._notifier = notifier
        self._path = path
        self._file: IO[str] | None = None
        self._lines = 0

    def begin(self) -> None:
        """End those of the process before; write down those of this one."""
        forgotten = tuple(self._read().values())
        self._write_all()
        if self._file is None:
            return
        self._notifier.on_kept, self._notifier.on_gone = self._kept, self._gone
        if forgotten:
            _log.info("subscriptions from before a crash are ended", subscriptions=len(forgotten))
            self._notifier.end_forgotten(forgotten)

    def cut(self) -> None:
        """Write nothing more."""
        self._notifier.on_kept = self._notifier.on_gone = lambda subscription: None
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """All of them have been ended."""
        if self._file is not None:
            self.cut()
            with contextlib.suppress(OSError):
                self._path.unlink()

    # --- writing --------------------------------------------------------------------------------------------------------

    def _kept(self, subscription: Subscription) -> None:
        self._append(_line(subscription))

    def _gone(self, subscription: Subscription) -> None:
        self._append(json.dumps({"gone": [subscription.call_id, subscription.local_tag]}))

    def _append(self, line: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError as error:
            _log.warning("subscriptions are not written down any more", problem=str(error))
            self.cut()
            return
        self._lines += 1
        if self._lines > 2 * len(self._notifier.all()) + SPARE_LINES:
            self._write_all()

    def _write_all(self) -> None:
        """A new file in the place of the old one."""
        lines = [_line(each) for each in self._notifier.all()]
        fresh = self._path.with_suffix(".new")
        try:
            file = os.fdopen(os.open(fresh, _FRESH, 0o600), "w", encoding="utf-8", errors="surrogateescape")
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("subscriptions cannot be written down", problem=str(error))
            self.cut()
            return
        if self._file is not None:
            self._file.close()
        self._file, self._lines = file, len(lines)

    # --- reading --------------------------------------------------------------------------------------------------------

    def _read(self) -> dict[_Key, SubscriptionRecord]:
        """A line that was cut by a kill, is of another version or leads to no place is left out."""
        found: dict[_Key, SubscriptionRecord] = {}
        for values in self._values():
            try:
                if "gone" in values:
                    call_id, tag = values["gone"]
                    found.pop((call_id, tag), None)
                else:
                    record = msgspec.convert(values, SubscriptionRecord)
                    record.flow.check()
                    found[record.dialog.call_id, record.dialog.local_tag] = record
            except (TypeError, ValueError, KeyError, PeerError):
                continue
        return found

    def _values(self) -> Iterator[dict[str, Any]]:
        try:
            with self._path.open(encoding="utf-8", errors="surrogateescape") as file:
                for number, line in enumerate(file):
                    if number >= MOST_LINES:
                        return
                    try:
                        values = json.loads(line)
                    except (ValueError, RecursionError):
                        continue
                    if isinstance(values, dict):
                        yield values
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("subscriptions of the last run cannot be read", problem=str(error))


def _line(subscription: Subscription) -> str:
    return compact(record_of(subscription))
