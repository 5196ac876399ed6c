"""SIPp as caller, agent, trunk and registrar: started on its own loopback address, bounded in time, judged afterwards."""

import csv
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sip_text import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class SippResult:
    exit_code: int
    """0: all calls as the scenario says. 1: at least one failed. 97: `-timeout`. Others: SIPp itself failed."""
    successful: int
    failed: int
    messages: tuple[tuple[str, Message], ...]
    """`sent` or `got`, and the message."""
    errors: str
    """SIPp's own complaints: what came instead of what was expected."""

    def statuses(self, method: str = "INVITE") -> list[int]:
        """Statuses received for requests of this method, in order."""
        return [m.status for way, m in self.messages if way == "got" and m.status and m.method == method]

    def requests(self, method: str, way: str = "got") -> list[Message]:
        return [
            m for direction, m in self.messages if direction == way and not m.status and m.method == method
        ]


@dataclass
class Sipp:
    """One SIPp process. `address` and `port` are its signalling; media is where `media` says, which may be a party."""

    scenario: Scenario
    folder: Path
    remote: tuple[str, int] | None = None
    """None for the called side."""
    address: str = "127.0.0.1"
    port: int = 0
    calls: int = 1
    """It ends after so many."""
    rate: float = 10.0
    limit: int = 0
    """Calls at once; 0 leaves it to SIPp."""
    timeout_s: float = 30.0
    media: tuple[str, int] | None = None
    """What its SDP says, when a party beside it does the media; SIPp binds a port of its own in any case."""
    tcp: bool = False
    options: Sequence[str] = ()
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port(self.address, tcp=self.tcp)
        self._media_port = free_port(self.address, count=4)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{self.scenario.name}-{self.port}"
        xml = self.scenario.xml()
        if ":" in self.address:
            xml = xml.replace("IN IP4 [local_ip]", "IN IP6 ::1").replace(
                "IN IP4 [media_ip]", "IN IP6 [media_ip]"
            )
        if self.media:
            xml = xml.replace("[media_ip]", self.media[0]).replace("[media_port]", str(self.media[1]))
        self._path(".xml").write_text(xml)

    @property
    def contact(self) -> str:
        """What a configuration writes as this agent's fixed contact."""
        return f"sip:{self.scenario.user}@{self.address}:{self.port}"

    def start(self) -> Self:
        with self._path(".out").open("wb") as out:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        if self.remote is None:
            self._wait_listening()
        return self

    def run(self) -> SippResult:
        return self.start().wait()

    def wait(self, timeout_s: float | None = None) -> SippResult:
        """Until it ends; it is ended when it does not."""
        assert self._process is not None, "not started"
        try:
            self._process.wait(timeout_s if timeout_s is not None else self.timeout_s + 10)
        except subprocess.TimeoutExpired:
            self.stop()
        return self.result()

    def stop(self) -> None:
        """End it without waiting for its calls."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def result(self) -> SippResult:
        code = self._process.poll() if self._process is not None else None
        successful, failed = self._counts()
        errors = self._path(".errors")
        return SippResult(
            exit_code=-1 if code is None else code,
            successful=successful,
            failed=failed,
            messages=tuple(self._messages()),
            errors=errors.read_text(errors="replace") if errors.exists() else "",
        )

    def _path(self, suffix: str) -> Path:
        return (self.folder / f"{self.name}{suffix}").resolve()

    def _command(self) -> list[str]:
        host = self.remote[0] if self.remote else ""
        remote = (
            [f"[{host}]:{self.remote[1]}" if ":" in host else f"{host}:{self.remote[1]}"]
            if self.remote
            else []
        )
        bounds = ["-m", str(self.calls), "-timeout", f"{self.timeout_s:.0f}s", "-timeout_error"]
        load = (
            ["-r", f"{self.rate:g}", *(["-l", str(self.limit)] if self.limit else [])] if self.remote else []
        )
        return ["sipp", *remote, "-sf", str(self._path(".xml")), "-i", self.address, "-p", str(self.port),
                "-t", "t1" if self.tcp else "u1", "-mi", self.address, "-mp", str(self._media_port),
                *bounds, *load, "-nostdin", "-trace_msg", "-message_file", str(self._path(".messages")),
                "-trace_err", "-error_file", str(self._path(".errors")),
                "-trace_stat", "-stf", str(self._path(".csv")), "-fd", "1", *self.options]  # fmt: skip

    def _wait_listening(self) -> None:
        wanted = f"{_little_endian(self.address)}:{self.port:04X}"
        table = Path("/proc/net/tcp" if self.tcp else "/proc/net/udp")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if wanted in table.read_text():
                return
            time.sleep(0.02)
        raise OSError(
            f"SIPp does not listen on {self.address}:{self.port}:\n{self._path('.out').read_text()[-2000:]}"
        )

    def _counts(self) -> tuple[int, int]:
        path = self._path(".csv")
        rows = list(csv.DictReader(path.open(), delimiter=";")) if path.exists() else []
        if not rows:
            return 0, 0
        last = rows[-1]
        return int(last.get("SuccessfulCall(C)") or 0), int(last.get("FailedCall(C)") or 0)

    def _messages(self) -> list[tuple[str, Message]]:
        path = self._path(".messages")
        text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
        found: list[tuple[str, Message]] = []
        for part in text.split("-----------------------------------------------")[1:]:
            title, _, rest = part.partition("\n\n")
            way = "sent" if "message sent" in title else "got" if "message received" in title else ""
            if way and rest.strip():
                found.append((way, Message.parse(rest.replace("\r\n", "\n").replace("\n", "\r\n").encode())))
        return found


def _little_endian(address: str) -> str:
    """As /proc/net writes it."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
