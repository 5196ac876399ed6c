"""Runs `pyvoip_phone.py` in its own process and waits for what it reports; the library is never imported here."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tools.peers.g711 import Samples, read_wav, write_wav
from tools.peers.ports import free_port
from tools.peers.speech import silence


class PyVoipError(Exception):
    """It did not report what was waited for; holds the end of its log."""


@dataclass
class PyVoipPhone:
    user: str
    password: str
    folder: Path
    server: tuple[str, int]
    address: str = "127.0.0.1"
    port: int = 0
    speech: Samples | None = None
    ring_s: float = 0.0
    """Beside the second that pyVoIP waits by itself."""
    talk_s: float = 0.0
    """It hangs up after so long; 0 leaves that to the other side."""
    calls: int = 1
    most_s: float = 60.0
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(self.address)
        self._media = free_port(self.address, count=22)
        write_wav(self.folder / "speech8.wav", silence(1) if self.speech is None else self.speech, width=1)
        self._queue: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def start(self, timeout: float = 30.0) -> Self:
        """Started and registered."""
        settings = {
            "server": self.server[0], "server_port": self.server[1], "user": self.user, "password": self.password,
            "address": self.address, "port": self.port, "media": self._media, "ring_s": self.ring_s,
            "talk_s": self.talk_s, "calls": self.calls, "most_s": self.most_s,
            "speech": str((self.folder / "speech8.wav").resolve()), "heard": str((self.folder / "heard8.wav").resolve()),
        }  # fmt: skip
        script = Path(__file__).with_name("pyvoip_phone.py")
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(script), json.dumps(settings)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._read, name=f"pyvoip {self.user}", daemon=True).start()
        try:
            self.wait("registered", timeout)
        except PyVoipError:
            self.stop()
            raise
        return self

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, what: str, timeout: float = 45.0) -> Mapping[str, Any]:
        """The next report of this kind."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                report = self._queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                break
            if report["what"] == what:
                return report
            if report["what"] == "failed":
                raise PyVoipError(f"{self.user} failed\n{self.log()}")
        raise PyVoipError(
            f"{self.user}: no {what} in {timeout} s; had {[r['what'] for r in self.reports]}\n{self.log()}"
        )

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def heard(self) -> Samples:
        """What it heard, from the file that it writes when it is done."""
        return read_wav(self.folder / "heard8.wav")[:, 0]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            try:
                report = json.loads(line)
            except ValueError:
                continue
            self.reports.append(report)
            self._queue.put(report)
