"""A whole phone that a test plays by hand: the scripted SIP party and an RTP party, tied together."""

import contextlib
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tools.peers.rtp_party import RtpParty
from tools.peers.sip_party import Call, NoAnswer, SipParty
from tools.peers.sip_text import Message


@dataclass
class Softphone:
    """`call` is the last call, made or taken."""

    user: str
    address: str
    server: tuple[str, int]
    password: str = ""
    port: int = 0
    tcp: bool = False
    algorithm: str = "MD5"
    laws: tuple[int, ...] = (0, 8)

    def __post_init__(self) -> None:
        self.sip = SipParty(self.user, self.address, self.server, port=self.port, tcp=self.tcp, password=self.password,
                            algorithm=self.algorithm)  # fmt: skip
        self.sip.laws = self.laws
        self.rtp = RtpParty(self.address, law=self.laws[0])
        self._call: Call | None = None
        self._registered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Takes its registration back: a contact that nobody answers would keep the next test's calls ringing."""
        if self._registered:
            with contextlib.suppress(NoAnswer, OSError):
                self.sip.register(expires=0, timeout=1.5)
        self.rtp.close()
        self.sip.close()

    @property
    def contact(self) -> str:
        """As a configuration writes it."""
        return f"sip:{self.user}@{self.address}:{self.sip.port}"

    @property
    def media(self) -> tuple[str, int]:
        return self.rtp.address, self.rtp.port

    @property
    def call(self) -> Call:
        assert self._call is not None, f"{self.user} has no call"
        return self._call

    def register(self) -> Self:
        response = self.sip.register()
        assert response.status == 200, response.start
        self._registered = True
        return self

    def dial(self, number: str, *, caller: str = "", timeout: float = 30.0,
             extra: Sequence[tuple[str, str]] = ()) -> Call:  # fmt: skip
        """Call, wait for the answer, send media where it says."""
        self._call = self.sip.dial(
            number, self.media, caller=caller, timeout=timeout, extra=extra, on_media=self._send_to
        )
        return self._call

    def ring(self, timeout: float = 30.0, *, status: int = 180) -> Call:
        """Wait for a call and ring."""
        self._call = self.sip.accept_call(self.media, timeout).ring(status)
        return self._call

    def accept(self, timeout: float = 30.0) -> Call:
        """Answer the call that rings, or the next one."""
        call = self._call
        if call is None or call.confirmed.is_set() or call.ended.is_set():
            call = self.ring(timeout)
        call.on_media = self._send_to
        return call.accept()

    def accept_always(self) -> threading.Thread:
        """Answer the next call in a thread, while the test does something else."""
        thread = threading.Thread(target=self.accept, kwargs={"timeout": 30.0}, daemon=True)
        thread.start()
        return thread

    def hangup(self) -> Message:
        return self.call.bye()

    def _send_to(self, place: tuple[str, int]) -> None:
        self.rtp.peer = place


@dataclass(frozen=True, slots=True)
class AudioFile:
    """What independent readers say of a recording."""

    path: Path
    channels: int
    rate: int
    seconds: float
    encoding: str


def soxi(path: Path) -> AudioFile:
    """As sox reads its header."""

    def ask(option: str) -> str:
        done = subprocess.run(
            ["soxi", option, str(path)], capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()

    return AudioFile(path, int(ask("-c")), int(ask("-r")), float(ask("-D")), ask("-e"))
