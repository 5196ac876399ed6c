"""A softphone made of pyVoIP 1.6.8, to be run as a program of its own: pyVoIP is GPLv3 and no part of the product.

`python pyvoip_phone.py '{"server": …}'`; one JSON line a happening on stdout: `registered`, `answered`, `ended`, `done`.
It answers each call, speaks a WAV of unsigned 8-bit samples (pyVoIP's only format), writes down what it hears and ends
after `calls` calls, after `most_s` seconds, or when its standard input is closed.

Quirks of pyVoIP met here, on loopback and elsewhere:
- It waits one second before the callback that answers, and reads the socket only then; 180 goes out at once.
- It reads the first WWW-Authenticate header only and always computes MD5 without qop, whatever that header asks; with a
  server that names SHA-256 first it answers that nonce with MD5. The digest `uri` is `sip:HOST;transport=UDP`, without
  port and unlike the Request-URI.
- Header names are matched in their canonical spelling only, and an `a=` line with two colons loses its end.
- It sends to the server's address only, whatever Contact or Via say, but answers BYE to the top Via.
- It never answers CANCEL with 487 and knows no OPTIONS, INFO or UPDATE: those stay unanswered.
- `sleep` paces its packets, so it sends a little under 50 a second, gap-free in timestamps.
- What it hears is read from a buffer by timestamp; a jump back of the timestamp resets it, a jump forward (another
  SSRC, music to talk) leaves a hole that `read_audio` fills with silence for as long as it lasts. So packets are
  written down as they are parsed.
"""

import json
import sys
import threading
import time
import wave
from pathlib import Path
from typing import Any

from pyVoIP.RTP import RTPPacketManager
from pyVoIP.VoIP import CallState, InvalidStateError, VoIPCall, VoIPPhone

_SILENCE = b"\x80"


def _say(what: str, **more: object) -> None:
    print(json.dumps({"what": what, "at": time.monotonic(), **more}), flush=True)


class Phone:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.deadline = time.monotonic() + settings["most_s"]
        self.left = settings["calls"]
        self.over = threading.Event()
        self.heard: list[bytes] = []
        self.digits: list[str] = []
        self._listen()
        self.phone = VoIPPhone(
            settings["server"], settings["server_port"], settings["user"], settings["password"],
            myIP=settings["address"], sipPort=settings["port"], rtpPortLow=settings["media"],
            rtpPortHigh=settings["media"] + 20, callCallback=self.answer,
        )  # fmt: skip

    def _listen(self) -> None:
        """Write down each packet's audio as it is parsed, in order of arrival."""
        heard = self.heard
        original = RTPPacketManager.write

        def write(manager: Any, offset: int, data: bytes) -> None:
            if manager.__dict__.get("hears"):
                heard.append(data)
            original(manager, offset, data)

        setattr(RTPPacketManager, "write", write)  # noqa: B010 (the library gives no other place to listen)

    def answer(self, call: VoIPCall) -> None:
        time.sleep(self.settings["ring_s"])
        for client in call.RTPClients:
            client.pmin.__dict__["hears"] = True
        try:
            call.answer()
        except InvalidStateError:
            _say("gone")
            return
        _say("answered", call=call.call_id)
        self._talk(call)
        self.digits.append(call.get_dtmf(100))
        _say("ended", call=call.call_id)
        self.left -= 1
        if self.left <= 0:
            self.over.set()

    def _talk(self, call: VoIPCall) -> None:
        with wave.open(self.settings["speech"], "rb") as file:
            speech = file.readframes(file.getnframes())
        began, speak_until = time.monotonic(), 0.0
        hangup = began + (self.settings["talk_s"] or 1e9)
        while (
            call.state == CallState.ANSWERED and time.monotonic() < self.deadline and not self.over.is_set()
        ):
            if time.monotonic() >= speak_until:
                call.write_audio(speech + _SILENCE * 8000)
                speak_until = time.monotonic() + len(speech) / 8000 + 1
            if time.monotonic() >= hangup:
                call.hangup()
            time.sleep(0.02)

    def run(self) -> None:
        threading.Thread(target=self._watch_input, daemon=True).start()
        self.phone.start()
        _say("registered" if self.phone.get_status().name == "REGISTERED" else "failed")
        self.over.wait(max(0.0, self.deadline - time.monotonic()))
        self._save()
        _say("done", digits="".join(self.digits))
        self.phone.stop()

    def _save(self) -> None:
        with wave.open(self.settings["heard"], "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(1)
            file.setframerate(8000)
            file.writeframes(b"".join(self.heard))

    def _watch_input(self) -> None:
        sys.stdin.read()
        self.over.set()


if __name__ == "__main__":
    settings: dict[str, Any] = json.loads(sys.argv[1])
    Path(settings["heard"]).unlink(missing_ok=True)
    Phone(settings).run()
