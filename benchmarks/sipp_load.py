"""Signalling of held queue calls by SIPp: one process calls, one answers for all agents; media is someone else's.

Both write a line into a log when a call is up (whose call, and the switch's media address for this leg) and when it is
over; `events` reads those as they come. All legs of one side give one media address, that of the generator, which
tells legs apart by the switch's port. Each call is held for the same time, so calls end in the order in which they began.
"""

import csv
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tools.peers.ports import free_port

Address = tuple[str, int]
FIRST_NUMBER = 5_550_000

_SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 {address}
t=0 0
m=audio {port} RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
"""
_LEARN = """<ereg regexp="c=IN IP4 ([0-9.]+)" search_in="msg" assign_to="whole,address"/>
<ereg regexp="m=audio ([0-9]+)" search_in="msg" assign_to="whole,port"/>"""
_CALLER = """<?xml version="1.0"?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:{number}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
From: <sip:[field0]@[local_ip]:[local_port]>;tag=c[call_number]
To: <sip:{number}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:[field0]@[local_ip]:[local_port]>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true" timeout="30000"><action>
{learn}
<assignstr assign_to="ani" value="[field0]"/>
<log message="up [field0] [$address] [$port] [clock_tick]"/>
</action></recv>
<Reference variables="whole,ani"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
[routes]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=c[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="{hold_ms}"/>
<nop><action><log message="over [field0] [clock_tick]"/></action></nop>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch];rport
[routes]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=c[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""
_AGENT = """<?xml version="1.0"?>
<scenario name="agent">
<recv request="INVITE" rrs="true"><action>
{learn}
<ereg regexp="sips?:([0-9]+)@" search_in="hdr" header="From:" assign_to="whole,ani"/>
</action></recv>
<Reference variables="whole"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:agent@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:agent@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
<recv request="ACK"><action><log message="up [$ani] [$address] [$port] [clock_tick]"/></action></recv>
<recv request="BYE"><action><log message="over [$ani] [clock_tick]"/></action></recv>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    side: str
    """`caller` or `agent`."""
    call: int
    """Which call, from 0."""
    up: bool
    """Its media has begun; else it is over."""
    peer: Address
    """The switch's media address for this leg; only when up."""
    at_s: float
    """SIPp's own clock; only differences of one side mean anything."""


class SippLoad:
    """`calls` calls from `callers` through the switch to whoever it rings at `agents`, `ramp` new ones a second."""

    def __init__(
        self, folder: Path, *, callers: str, agents: str, agent_port: int, calls: int, ramp: float, hold_s: float,
        number: str = "600",
    ) -> None:  # fmt: skip
        self.folder = folder
        self.callers, self.agents, self.agent_port = callers, agents, agent_port
        self.calls, self.ramp, self.hold_s, self.number = calls, ramp, hold_s, number
        self._server: Address = ("", 0)
        self._media: Address = ("", 0)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._read = {"caller": 0, "agent": 0}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, server: Address, caller_media: Address, agent_media: Address) -> Self:
        self._server, self._media = server, caller_media
        self._write("agent", _AGENT, agent_media, self.hold_s)
        spare = ["-mi", self.agents, "-mp", str(free_port(self.agents, count=4))]
        self._start("agent", ["-i", self.agents, "-p", str(self.agent_port), *spare])
        self._call(
            "caller", FIRST_NUMBER, calls=self.calls, most=self.calls, rate=self.ramp, hold_s=self.hold_s
        )
        return self

    def churn(self, *, rate: float, calls: int, hold_s: float) -> None:
        """Beside the held calls, others that come and go; their numbers follow those of the held ones."""
        most = round(rate * (hold_s + 4)) + 1
        self._call("churn", FIRST_NUMBER + self.calls, calls=calls, most=most, rate=rate, hold_s=hold_s)

    def _call(self, side: str, first: int, *, calls: int, most: int, rate: float, hold_s: float) -> None:
        numbers = "".join(f"{first + index};\n" for index in range(calls))
        (self.folder / f"{side}-numbers.csv").write_text("SEQUENTIAL\n" + numbers)
        self._write(side, _CALLER, self._media, hold_s)
        self._start(
            side,
            [f"{self._server[0]}:{self._server[1]}", "-i", self.callers, "-p", str(free_port(self.callers)),
             "-mi", self.callers, "-mp", str(free_port(self.callers, count=4)),
             "-inf", f"{side}-numbers.csv", "-m", str(calls), "-l", str(most), "-r", f"{rate:g}"],
        )  # fmt: skip

    def events(self) -> Iterator[Event]:
        """What has happened since this was last asked."""
        for side, seen in self._read.items():
            path = self.folder / f"{side}.log"
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(seen)
                whole, _, _ = file.read().rpartition(b"\n")
            self._read[side] = seen + len(whole) + (1 if whole else 0)
            for line in whole.decode().splitlines():
                words = line.split()
                up = words[0] == "up"
                peer = (words[2], int(words[3])) if up else ("", 0)
                yield Event(
                    side=side, call=int(words[1]) - FIRST_NUMBER, up=up, peer=peer, at_s=int(words[-1]) / 1000
                )

    def over(self) -> bool:
        """The caller side has ended all its calls, or has ended itself."""
        caller = self._processes.get("caller")
        return caller is None or caller.poll() is not None

    def counts(self, side: str = "caller") -> tuple[int, int]:
        """Calls that went as they should, and calls that did not, as SIPp counts; `churn`: those that come and go."""
        path = self.folder / f"{side}.csv"
        rows = list(csv.DictReader(path.open(), delimiter=";")) if path.exists() else []
        if not rows:
            return 0, self.calls
        return int(rows[-1].get("SuccessfulCall(C)") or 0), int(rows[-1].get("FailedCall(C)") or 0)

    def errors(self) -> str:
        """SIPp's first complaint."""
        path = self.folder / "caller.errors"
        lines = path.read_text(errors="replace").splitlines()[1:2] if path.exists() else []
        return lines[0][:200] if lines else ""

    def stop(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(2)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _write(self, side: str, scenario: str, media: Address, hold_s: float) -> None:
        sdp = _SDP.format(address=media[0], port=media[1]).rstrip()
        text = scenario.format(sdp=sdp, learn=_LEARN, number=self.number, hold_ms=round(hold_s * 1000))
        (self.folder / f"{side}.xml").write_text(text)

    def _start(self, side: str, options: list[str]) -> None:
        command = ["sipp", *options, "-sf", f"{side}.xml", "-t", "u1", "-nostdin", "-trace_logs", "-log_file",
                   f"{side}.log", "-trace_err", "-error_file", f"{side}.errors", "-trace_stat", "-stf", f"{side}.csv",
                   "-fd", "1", "-buff_size", "4194304"]  # fmt: skip
        with (self.folder / f"{side}.out").open("wb") as out:
            self._processes[side] = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "TERM": "dumb"},
            )  # fmt: skip
