"""The steps of the self-test, one after another; what a step finds is told whether it went well or not."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]

from softswitch.cli.client import Client
from softswitch.cli.ladder import ladder_lines
from softswitch.cli.selftest_audio import HEARD, Samples, likeness, signal
from softswitch.cli.selftest_phone import Phones
from softswitch.errors import SoftswitchError

SET_UP_S = 10.0
END_S = 10.0
KEY = "7"
SOURCE = "trunk:selftest"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    step: str
    ok: bool
    found: str


class StepFailed(Exception):
    """Says what was found instead."""


@dataclass
class SelfTest:
    client: Client
    tell: Callable[[StepResult], None]
    results: list[StepResult] = field(default_factory=list)
    call: str = ""
    ladder: list[str] = field(default_factory=list)
    recording: str = ""

    async def run(self) -> bool:
        """True: all steps went well."""
        address, port = f"127.{os.urandom(1)[0] % 200 + 20}.{os.urandom(1)[0]}.77", 5060
        opened = await self._step("switch", lambda: self._arm(address, port))
        if opened is None:
            return False
        phones = Phones(address, port, opened["targets"][0])
        try:
            if await self._step("sockets", lambda: self._start(phones, address)) is None:
                return False
            await self._talk(phones, opened)
            if not all(result.ok for result in self.results):
                await self._keep_ladder()
        finally:
            await phones.stop()
            await asyncio.to_thread(self.client.delete, "selftest")
        return all(result.ok for result in self.results)

    async def _talk(self, phones: Phones, opened: dict[str, Any]) -> None:
        if await self._step("call set up", lambda: self._set_up(phones, opened)) is None:
            return
        recording = await self._step("recording begins", self._record)
        there, back = signal(int.from_bytes(os.urandom(4))), signal(int.from_bytes(os.urandom(4)))
        await self._speak(phones, there, back)
        await self._step("audio caller → callee", lambda: self._audio(phones.callee_end, there))
        await self._step("audio callee → caller", lambda: self._audio(phones.caller_end, back))
        await self._step("DTMF", lambda: self._key(phones))
        await self._step("hang-up", lambda: self._hang_up(phones))
        await self._step("CDR", self._cdr)
        if recording is not None:
            await self._step("recording read back", lambda: self._read_back(there, back))

    async def _step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """What `work` found; None when it failed."""
        try:
            found = await work()
        except (StepFailed, SoftswitchError, OSError, TimeoutError) as error:
            words = str(error) or (
                "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            )
            self._told(StepResult(step=name, ok=False, found=words))
            return None
        words, value = found if isinstance(found, tuple) else (found, found)
        self._told(StepResult(step=name, ok=True, found=words))
        return value

    def _told(self, result: StepResult) -> None:
        self.results.append(result)
        self.tell(result)

    async def _ask(self, *parts: str, **query: object) -> Any:
        return await asyncio.to_thread(lambda: self.client.get(*parts, **query))

    # --- steps ----------------------------------------------------------------------------------------------------------

    async def _arm(self, address: str, port: int) -> tuple[str, dict[str, Any]]:
        status = await self._ask("status")
        body = {"address": address, "port": port}
        opened = await asyncio.to_thread(lambda: self.client.post("selftest", body=body))
        if not opened["targets"]:
            raise StepFailed("it listens for no datagrams; sip.listen needs a udp:// address")
        said = f"pid {status['pid']}, {status['calls']} calls, media engine {status['engine']}"
        return said, opened

    async def _start(self, phones: Phones, address: str) -> str:
        await phones.start()
        return f"two phones at {address}"

    async def _set_up(self, phones: Phones, opened: dict[str, Any]) -> str:
        began = time.monotonic()
        phones.call(opened["number"], opened["user"], opened["token"], opened["realm"])
        async with asyncio.timeout(SET_UP_S):
            await phones.happened.answered.wait()
        took = time.monotonic() - began
        self.call = await self._find_call()
        if phones.happened.problem:
            raise StepFailed(phones.happened.problem)
        if not phones.happened.called.is_set():
            raise StepFailed("answered, but the second leg never came")
        if phones.caller_end is None or phones.caller_end.peer is None:
            raise StepFailed("answered without a session description")
        return f"INVITE, digest, both legs answered in {took * 1000:.0f} ms, {phones.caller_end.peer.codec}"

    async def _find_call(self) -> str:
        """Live, or just refused."""
        for view in (*await self._ask("calls"), *await self._ask("cdrs", number="selftest", limit=1)):
            if view["source"] == SOURCE:
                return str(view["call"])
        return ""

    async def _record(self) -> str:
        deadline = time.monotonic() + END_S
        while True:
            try:
                view = await asyncio.to_thread(self.client.post, "calls", self.call, "recording")
            except SoftswitchError:  # the second leg has answered, and the two are being bridged
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
                continue
            self.recording = view["recording"]
            return self.recording

    async def _speak(self, phones: Phones, there: Samples, back: Samples) -> None:
        assert phones.caller_end is not None and phones.callee_end is not None
        await asyncio.gather(phones.caller_end.speak(there), phones.callee_end.speak(back))
        await phones.caller_end.press(KEY)
        await asyncio.sleep(0.3)

    async def _audio(self, end: Any, said: Samples) -> str:
        score = likeness(said, end.heard())
        words = f"likeness {score:.2f}, {end.packets} packets"
        if score < HEARD:
            raise StepFailed(f"{words}; at least {HEARD} expected")
        return words

    async def _key(self, phones: Phones) -> str:
        assert phones.caller_end is not None and phones.callee_end is not None
        if phones.caller_end.peer is None or phones.caller_end.peer.event_payload_type is None:
            raise StepFailed("telephone events were not agreed on")
        if phones.callee_end.keys != KEY:
            raise StepFailed(f"pressed {KEY}, heard {phones.callee_end.keys or 'nothing'}")
        return f"pressed {KEY}, heard {KEY}"

    async def _hang_up(self, phones: Phones) -> str:
        began = time.monotonic()
        phones.hang_up()
        async with asyncio.timeout(END_S):
            await phones.happened.hung_up.wait()
        return f"the other leg was told in {(time.monotonic() - began) * 1000:.0f} ms"

    async def _cdr(self) -> str:
        deadline = time.monotonic() + END_S
        while True:
            row = (await self._ask("cdrs", self.call))["cdr"]
            if row["ended"] is not None:
                break
            if time.monotonic() > deadline:
                raise StepFailed(f"{self.call} has no end")
            await asyncio.sleep(0.1)
        if row["cause"] != "normal" or row["ended_by"] != "caller":
            raise StepFailed(f"{self.call}: {row['cause']}, ended by {row['ended_by']}")
        return f"{self.call}: {row['cause']}, talked {row['talk_s']:.1f} s"

    async def _read_back(self, there: Samples, back: Samples) -> str:
        deadline = time.monotonic() + END_S
        while True:
            view = await self._ask("recordings", self.recording)
            if view["seconds"] is not None:
                break
            if time.monotonic() > deadline:
                raise StepFailed(f"{self.recording} is not finished")
            await asyncio.sleep(0.1)
        samples, _ = await asyncio.to_thread(soundfile.read, view["file"], dtype="int16", always_2d=True)
        scores = [
            max(likeness(said, np.ascontiguousarray(samples[:, at])) for at in range(samples.shape[1]))
            for said in (there, back)
        ]
        words = f"{view['seconds']:.1f} s, likeness {scores[0]:.2f} and {scores[1]:.2f}"
        if min(scores) < HEARD:
            raise StepFailed(f"{words}; at least {HEARD} expected: {Path(view['file']).name}")
        return words

    async def _keep_ladder(self) -> None:
        if self.call:
            try:
                self.ladder = ladder_lines(await self._ask("calls", self.call, "messages"))
            except SoftswitchError:
                self.ladder = []
