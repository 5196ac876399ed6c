"""The switch as a process under test: configured from a mapping, started, asked, killed, and read afterwards.

It is started as its users start it, unless a suite has it forked (`forked.py`), and asked through its own command line,
control socket, database file and queue log: but for the command line, nothing here imports it.
"""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol, Self

from click.testing import CliRunner

from softswitch.cli.main import cli
from tools.peers.ports import free_port, give_back
from tools.peers.processes import Usage, family_usage
from tools.peers.sip_text import Message, compose, token
from tools.peers.toml_text import to_toml

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 4.0
_UNHANDLED = re.compile(
    r"Traceback \(most recent call last\)|Task exception was never retrieved|Exception ignored in|"
    r"coroutine '.*' was never awaited|Unhandled exception|Exception in callback|Future exception was never retrieved"
)


class SwitchError(Exception):
    """It did not start, stop or answer; holds the end of its log."""


class Process(Protocol):
    """What of `subprocess.Popen` is needed here."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Launch(Protocol):
    """`softswitch` with these arguments, in a session of its own."""

    def __call__(self, arguments: Sequence[str], *, folder: Path, output: IO[bytes]) -> Process: ...


def executed(arguments: Sequence[str], *, folder: Path, output: IO[bytes]) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "softswitch", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
        stderr=subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass
class Switch:
    """`config` lacks what every test shares: state folder, SIP address, media ports. What it says itself stays."""

    folder: Path
    config: Mapping[str, Any]
    address: str = "127.0.0.1"
    port: int = 0
    media_ports: int = 400
    expected: Sequence[str] = ()
    """Regular expressions of log lines that this test provokes on purpose, though they look like faults."""
    process: Process | None = field(default=None, repr=False)
    launch: ClassVar[Launch] = staticmethod(executed)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(self.address, tcp=True)
        self._first_media = free_port(self.address, count=self.media_ports)
        self.write(self.config)

    # -- configuration ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def config_file(self) -> Path:
        return self.folder / "softswitch.toml"

    @property
    def log_file(self) -> Path:
        return self.folder / "switch.log"

    @property
    def control_socket(self) -> Path:
        return self.state / "control.sock"

    @property
    def media(self) -> range:
        """UDP ports of its media."""
        return range(self._first_media, self._first_media + self.media_ports)

    @property
    def sip(self) -> tuple[str, int]:
        """Where peers send."""
        return self.address, self.port

    def write(self, config: Mapping[str, Any]) -> None:
        """Write the configuration; the running switch reads it at `reload`."""
        last = self._first_media + self.media_ports - 1
        shared: dict[str, dict[str, Any]] = {
            "general": {"state_dir": str(self.state), "log_level": "info"},
            "sip": {"listen": [f"udp://{self.address}:{self.port}", f"tcp://{self.address}:{self.port}"]},
            "rtp": {"address": self.address, "ports": f"{self._first_media}-{last}"},
            "recording": {"min_free_mb": 1},
        }
        merged: dict[str, Any] = {**config}
        for section, values in shared.items():
            merged[section] = {**values, **config.get(section, {})}
        self.state.mkdir(exist_ok=True)
        self.config_file.touch(mode=0o600)
        self.config_file.write_text(to_toml(merged))
        self.config = config

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self, timeout: float = 90.0) -> Self:
        with self.log_file.open("ab") as log:
            arguments = ["run", "--config", str(self.config_file)]
            self.process = type(self).launch(arguments, folder=ROOT, output=log)
        deadline = time.monotonic() + timeout
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self._end_family()
                raise SwitchError(f"not ready (exit {self.process.poll()})\n{self.log()[-4000:]}")
            time.sleep(0.05)
        return self

    def __enter__(self) -> Self:
        return self if self.process is not None else self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._end_family()
            give_back(self.address, self.media)
        if kind is None:
            self.assert_clean()

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout: float = 60.0) -> int:
        """What `softswitch stop --now` does; the exit code."""
        if self.process is None:
            return 0
        if self.running():
            self._stop_now()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._end_family()
            raise SwitchError(f"does not stop in {timeout} s\n{self.log()[-3000:]}") from None

    def _stop_now(self) -> None:
        connection = _UnixConnection(self.control_socket, 20.0)
        try:
            connection.request("POST", "/v1/stop", b'{"now": true}', {"Content-Type": "application/json"})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass  # it has ended by itself meanwhile, or will not: `stop` sees
        finally:
            connection.close()

    def kill9(self) -> None:
        """`kill -9` of the control process only; its workers are left to themselves."""
        self._family = list(family_usage(self.pid))
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def reload_signal(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def _end_family(self) -> None:
        """No process of this switch outlives the test: those of its session, whatever became of their parent."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for worker in self._workers():
            os.kill(worker, signal.SIGKILL)
        self.process.wait()

    def _workers(self) -> list[int]:
        """Media workers of this switch that outlived it: their command line names its folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"softswitch.media_worker" in command and any(
                word.startswith(bytes(self.state) + b"/") for word in command
            ):
                found.append(int(entry.parent.name))
        return found

    # -- asking -------------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        try:
            return self.get("/ready")[0] == 200
        except OSError:
            return False

    def get(self, path: str, timeout: float = 20.0) -> tuple[int, str]:
        """Status and body of a GET on the control socket."""
        connection = _UnixConnection(self.control_socket, timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except http.client.HTTPException as problem:
            raise OSError(str(problem)) from problem
        finally:
            connection.close()

    def cli(self, *arguments: str, check: bool = True) -> Any:
        """`softswitch ARGUMENTS --json`: what it printed, as JSON when it is, else as text. It runs within this process:
        tests ask hundreds of times, and an interpreter takes longer to start than a switch to answer."""
        wanted = [*arguments, *(["--json"] if _has_json(arguments) else [])]
        done = CliRunner().invoke(cli, wanted, env=self._environment())
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if check and done.exit_code:
            raise SwitchError(f"softswitch {' '.join(arguments)} → {done.exit_code}\n{done.output}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def _environment(self) -> dict[str, str]:
        return {"SOFTSWITCH_SOCKET": str(self.control_socket), "SOFTSWITCH_CONFIG": str(self.config_file)}

    def command(self, *arguments: str, timeout: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """The command line as its users start it, with this switch's configuration."""
        command = [sys.executable, "-m", "softswitch", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT), **self._environment()}
        return subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def options(self, timeout: float = 10.0, source: str = "127.0.0.9") -> float:
        """Seconds until an OPTIONS is answered, from a socket of its own."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((source, 0))
            probe.settimeout(timeout)
            branch, here = token(), probe.getsockname()
            headers = [("Via", f"SIP/2.0/UDP {here[0]}:{here[1]};branch=z9hG4bK{branch};rport"),
                       ("From", f"<sip:probe@{here[0]}>;tag={token()}"), ("To", f"<sip:{self.address}>"),
                       ("Call-ID", token()), ("CSeq", "1 OPTIONS"), ("Max-Forwards", "70")]  # fmt: skip
            began = time.monotonic()
            probe.sendto(compose(f"OPTIONS sip:{self.address}:{self.port} SIP/2.0", headers), self.sip)
            while True:
                answer = Message.parse(probe.recv(65536))
                if answer.status and branch in answer.branch:
                    return time.monotonic() - began

    def usage(self) -> dict[int, Usage]:
        """CPU and memory of the control process and its workers."""
        return family_usage(self.pid)

    # -- reading ------------------------------------------------------------------------------------------------------

    def db(self) -> sqlite3.Connection:
        """Its database, read only; rows by column name."""
        connection = sqlite3.connect(f"file:{self.state / 'softswitch.db'}?mode=ro", uri=True, timeout=5)
        connection.row_factory = sqlite3.Row
        return connection

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        connection = self.db()
        try:
            return [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()

    def wait_rows(
        self, query: str, *values: object, count: int = 1, timeout: float = 5.0
    ) -> list[dict[str, Any]]:
        """Rows as soon as there are `count` of them; the writer works in batches."""
        rows: list[dict[str, Any]] = wait_for(
            lambda: self._at_least(query, values, count), timeout, f"{count} rows of {query}"
        )
        return rows

    def cdr(self, sip_call_id: str, timeout: float = 5.0) -> dict[str, Any]:
        """The one CDR of the caller's leg with this Call-ID, once the call is over."""
        query = "SELECT * FROM calls WHERE sip_call_id = ? AND ended IS NOT NULL"
        rows = self.wait_rows(query, sip_call_id, timeout=timeout)
        assert len(rows) == 1, f"{len(rows)} CDRs of one call"
        return rows[0]

    def _at_least(self, query: str, values: Sequence[object], count: int) -> list[dict[str, Any]]:
        try:
            rows = self.rows(query, *values)
        except sqlite3.OperationalError:
            return []
        return rows if len(rows) >= count else []

    def queue_log(self) -> list[list[str]]:
        """Lines of the queue_log, split: epoch, call, queue, agent, event, data…"""
        path = self.state / "queue_log"
        return [line.split("|") for line in path.read_text().splitlines()] if path.exists() else []

    def recordings(self) -> list[Path]:
        return sorted((self.state / "recordings").rglob("*.wav"))

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def faults(self) -> list[str]:
        """Lines of the log that speak of something unhandled."""
        lines = [line for line in self.log().splitlines() if _UNHANDLED.search(line)]
        return [line for line in lines if not any(re.search(known, line) for known in self.expected)]

    def assert_clean(self) -> None:
        assert not self.faults(), f"unhandled in the log:\n{self.log()[-6000:]}"


StartSwitch = Callable[..., Switch]
"""What the fixture `start_switch` gives: `(config, *, name="switch", **fields of Switch)`, started."""


def wait_for(probe: Callable[[], Any], timeout: float = 5.0, what: str = "condition") -> Any:
    """The first true value of `probe`. The bound is there to end a wait that is in vain, not to measure: a shared machine
    that is slow for a moment has `PATIENCE` times as long."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.05)


_CHANGING = {"stop", "hangup", "login", "logout", "pause", "resume", "move", "start", "export", "draw", "add"}


def _has_json(arguments: Sequence[str]) -> bool:
    """Commands that read have `--json`."""
    return not _CHANGING.intersection(arguments[:2])
