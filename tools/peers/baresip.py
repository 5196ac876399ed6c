"""baresip as a phone without a sound card: registers with digest, speaks a WAV, writes down what it hears.

Facts of baresip 1.0.0 (Debian 12): the player side has no file driver, so what is heard is written by the `sndfile`
filter, which sits after decoding; `aubridge` stands in for a loudspeaker. At the end of its file it hangs up, so the
file is made as long as the phone may live. `ctrl_tcp` takes netstrings of JSON and reports events. The port after
`sip_listen` is taken too (TLS). It binds media to no address, so on loopback its packets leave from 127.0.0.1 whatever it
says; `net_interface` decides only what it says. `mwi` starts a timer of 1 ms when it is loaded, and subscribes then for
each entry of a list to which each subscription adds one: where the REGISTER has been answered before, it subscribes for
ever, thousands of times a second, and reads nothing any more.
"""

import json
import os
import queue
import re
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from tools.peers.g711 import Samples, read_wav, write_wav
from tools.peers.ports import free_port
from tools.peers.speech import RATE, silence

_MODULES = "/usr/lib/baresip/modules"
_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
call_local_timeout 120
call_max_calls 4
audio_source aufile,{speech}
audio_player aubridge,nil
audio_alert aubridge,nil
audio_level no
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_tos 184
rtp_ports {media}-{media_end}
rtcp_mux no
jitter_buffer_delay 1-10
net_interface 127.0.0.1
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module uuid.so
{more}module_app account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
{watching}ctrl_tcp_listen {address}:{control}
snd_path {folder}/heard
"""


class BaresipError(Exception):
    """It did not do what was asked in time; holds the end of its log."""


@dataclass
class Baresip:
    """One phone. `heard()` is complete once its call is over."""

    user: str
    folder: Path
    server: tuple[str, int]
    password: str = ""
    address: str = "127.0.0.1"
    port: int = 0
    speech: Samples | None = None
    """What it says, over and over; silence when None."""
    answer: Literal["auto", "manual"] = "auto"
    laws: str = "PCMU/8000/1,PCMA/8000/1"
    transport: Literal["udp", "tcp", "tls"] = "udp"
    ca: Path | None = None
    """Authorities that the switch's certificate must be of, over TLS."""
    register: bool = True
    expires: int = 300
    dtmf: Literal["rtpevent", "info"] = "rtpevent"
    mediaenc: Literal["", "srtp", "srtp-mand"] = ""
    """SRTP with keys in SDP: offered beside clear text, or insisted on."""
    watches_messages: bool = False
    """Subscribes to its mailbox once it is registered."""
    buddies: Sequence[str] = ()
    """User parts of whose presence it watches."""
    most_s: int = 180
    """It ends by itself after so long, whatever happens to the test."""
    events: list[Mapping[str, Any]] = field(default_factory=list)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port = self.port or free_port(self.address, count=2, tcp=True)
        self._control_port = free_port(self.address, tcp=True)
        self._replies: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self._changed = threading.Condition()
        (self.folder / "heard").mkdir(parents=True, exist_ok=True)
        spoken = write_wav(self.folder / "speech.wav", self._endless())
        media = free_port(self.address, count=20)
        self.media_ports = range(media, media + 20)
        config = _CONFIG.format(address=self.address, port=self.port, speech=spoken.resolve(), media=media,
                                media_end=media + 19, modules=_MODULES, control=self._control_port,
                                folder=self.folder.resolve(),
                                more=self._more(), watching=self._watching())  # fmt: skip
        (self.folder / "config").write_text(config)
        (self.folder / "accounts").write_text("" if self.watches_messages else self._account() + "\n")
        (self.folder / "contacts").write_text("".join(map(self._contact, self.buddies)))

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self.address}:{self.port}"

    def start(self, timeout: float = 30.0) -> Self:
        """Started, and registered where it shall be."""
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["baresip", "-4", "-f", str(self.folder.resolve()), "-t", str(self.most_s), "-v"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder.resolve())},
            )  # fmt: skip
        try:
            self._connect(timeout)
            if self.watches_messages:
                self._create_account()
            if self.register:
                self._wait_registered(timeout)
        except Exception:
            self.stop()
            raise
        return self

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, politely first so that it takes its registration back."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(4)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    # -- commands -----------------------------------------------------------------------------------------------------

    def command(self, command: str, parameters: str = "", timeout: float = 3.0) -> Mapping[str, Any]:
        """One command of baresip's menu by its long name, and the answer to it."""
        data = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._connection.sendall(b"%d:%s," % (len(data), data))
        try:
            return self._replies.get(timeout=timeout)
        except queue.Empty as problem:
            raise BaresipError(f"{command}: no answer\n{self.log()}") from problem

    def dial(self, number: str) -> Mapping[str, Any]:
        uri = number if number.startswith("sip:") else f"sip:{number}@{self.server[0]}:{self.server[1]}"
        return self.command("dial", uri)

    def accept(self) -> Mapping[str, Any]:
        return self.command("accept")

    def hangup(self) -> Mapping[str, Any]:
        return self.command("hangup")

    def hold(self) -> Mapping[str, Any]:
        return self.command("hold")

    def resume(self) -> Mapping[str, Any]:
        return self.command("resume")

    def press(self, digits: str, seconds: float = 0.12) -> None:
        """Keys in a call, by RFC 4733 or INFO as the account says. A key is held until baresip is told of its end."""
        for digit in digits:
            self.command("sndcode", digit)
            time.sleep(seconds)

    def wait_event(self, kind: str, *, count: int = 1, timeout: float = 30.0) -> Mapping[str, Any]:
        """The `count`-th event of this type since the start: `REGISTER_OK`, `CALL_INCOMING`, `CALL_RINGING`,
        `CALL_ESTABLISHED`, `CALL_CLOSED`, `CALL_DTMF_START` …"""

        def found() -> list[Mapping[str, Any]]:
            return [event for event in self.events if event.get("type") == kind]

        with self._changed:
            if not self._changed.wait_for(lambda: len(found()) >= count, timeout):
                raise BaresipError(
                    f"{self.user}: no {kind} in {timeout} s; had {self._kinds()}\n{self.log()}"
                )
        return found()[count - 1]

    # -- results ------------------------------------------------------------------------------------------------------

    def heard(self) -> Samples:
        """All that came out of the decoder, all calls one after the other."""
        return self._dumps("dec")

    def spoken(self) -> Samples:
        """All that went into the encoder."""
        return self._dumps("enc")

    def log(self) -> str:
        """Its end, without the meter that it prints five times a second."""
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line.strip() and "(bit/s)" not in line)[-4000:]

    def _dumps(self, kind: str) -> Samples:
        files = sorted(
            (self.folder / "heard").glob(f"dump-*-{kind}.wav"), key=lambda path: path.stat().st_mtime
        )
        pieces = [read_wav(path)[:, 0] for path in files if path.stat().st_size > 44]
        return np.concatenate(pieces) if pieces else silence(0)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _endless(self) -> Samples:
        once = silence(1) if self.speech is None else np.concatenate([self.speech, silence(1)])
        return np.tile(once, -(-self.most_s * RATE // len(once)))

    def _more(self) -> str:
        trusted = f"sip_cafile {self.ca.resolve()}\n" if self.ca is not None else ""
        return trusted + ("module srtp.so\n" if self.mediaenc else "")

    def _watching(self) -> str:
        return "".join(
            f"module_app {module}.so\n"
            for module, wanted in (("mwi", self.watches_messages), ("presence", self.buddies))
            if wanted
        )

    def _contact(self, buddy: str) -> str:
        return f'"{buddy}" <sip:{buddy}@{self.server[0]}:{self.server[1]}>;presence=p2p\n'

    def _account(self) -> str:
        parameters = [
            f"auth_user={self.user}", f"auth_pass={self.password}", f"answermode={self.answer}",
            f"regint={self.expires if self.register else 0}", f"audio_codecs={self.laws}", f"dtmfmode={self.dtmf}",
            f"mediaenc={self.mediaenc}", "medianat=", "ptime=20",
        ]  # fmt: skip
        where = f"sip:{self.user}@{self.server[0]}:{self.server[1]};transport={self.transport}"
        kept = [parameter for parameter in parameters if not parameter.endswith("=")]
        return f"<{where}>;{';'.join(kept)}"

    def _connect(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._connection = socket.create_connection((self.address, self._control_port), timeout=1)
                break
            except OSError as problem:
                if time.monotonic() > deadline or (
                    self._process is not None and self._process.poll() is not None
                ):
                    raise BaresipError(f"baresip did not start\n{self.log()}") from problem
                time.sleep(0.05)
        self._connection.settimeout(None)
        threading.Thread(target=self._read, name=f"baresip {self.user}", daemon=True).start()

    def _create_account(self) -> None:
        """By a command, 10 ms after it has shown by an answer that `mwi` is loaded: with the account in its file it
        registers while it loads, and a switch that answers at once makes `mwi` subscribe for ever."""
        self.command("reginfo")
        time.sleep(0.01)
        self.command("uanew", self._account())

    def _wait_registered(self, timeout: float) -> None:
        """Read from the log: the event is often over before the control connection stands."""
        deadline = time.monotonic() + timeout
        answered = re.compile(rf"{re.escape(self.user)}@{re.escape(self.server[0])}: .*200 OK")
        while not answered.search((self.folder / "log").read_text(errors="replace")):
            if time.monotonic() > deadline:
                raise BaresipError(f"{self.user} is not registered after {timeout} s\n{self.log()}")
            time.sleep(0.02)

    def _read(self) -> None:
        buffer = b""
        while True:
            try:
                data = self._connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer = self._take(buffer + data)

    def _take(self, buffer: bytes) -> bytes:
        while b":" in buffer:
            length, _, rest = buffer.partition(b":")
            if len(rest) < int(length) + 1:
                break
            message = json.loads(rest[: int(length)].decode("utf-8", "replace"))
            buffer = rest[int(length) + 1 :]
            if message.get("event"):
                with self._changed:
                    self.events.append(message)
                    self._changed.notify_all()
            else:
                self._replies.put(message)
        return buffer

    def _kinds(self) -> list[str]:
        return [str(event.get("type")) for event in self.events]
