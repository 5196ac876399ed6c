"""Proves what the switch makes of the guard's events: log lines that the filter for fail2ban in the manual finds, facts,
bans in the control API, and bans that a restart does not forget. A whole switch on virtual time.

Does not prove fail2ban itself.
"""

import asyncio
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from softswitch.api.errors import BadRequest, UnknownThing
from softswitch.api.security_control import BanWish
from softswitch.app.security import SecurityDesk
from softswitch.config.schema import Config
from softswitch.facts import SourceBanned, SourceUnbanned
from softswitch.sip.message import Request
from softswitch.sip.source import Source
from softswitch.testing.network import Network
from softswitch.testing.switch import Switch
from softswitch.testing.virtual_time import run

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
EVE = "203.0.113.9"


def test_events_become_lines_facts_and_views(tmp_path: Path) -> None:
    async def tell() -> None:
        switch = await Switch.open(Config(), tmp_path, network=Network())
        desk, guard = switch.control.security, switch.parts.sip.guard
        with capture_logs() as lines:
            for _ in range(10):
                guard.offence(EVE, "wrong password", 0.0, "1001")
        assert [line["event"] for line in lines] == ["authentication failed"] * 10 + ["source banned"]
        assert lines[0]["source"] == lines[-1]["source"] == EVE and lines[0]["user"] == "1001"
        view = desk.show()
        assert [ban.address for ban in view.bans] == [EVE] and view.counts["wrong password"] == 10
        assert view.bans[0].until is not None and view.bans[0].until - view.bans[0].since == 300.0
        assert switch.happened(SourceBanned)[0].address == EVE
        assert desk.unban(EVE).why == "wrong password"
        assert switch.happened(SourceUnbanned)[0].address == EVE
        with pytest.raises(UnknownThing):
            desk.unban(EVE)
        with pytest.raises(BadRequest):
            desk.ban(BanWish(address="everybody"))
        assert desk.ban(BanWish(address="203.0.113.0/24")).until is None
        await switch.close()

    run(tell())


def test_lines_are_bounded_however_many_sources_fail(tmp_path: Path) -> None:
    async def tell() -> None:
        switch = await Switch.open(Config(), tmp_path, network=Network())
        guard = switch.parts.sip.guard
        with capture_logs() as lines:
            for number in range(5000):
                guard.offence(f"203.0.{number >> 8}.{number & 255}", "wrong password", 0.0)
        assert len(lines) <= 51
        await switch.close()

    run(tell())


def test_bans_of_forged_scanners_fill_no_log_and_those_by_hand_are_always_told(tmp_path: Path) -> None:
    async def tell() -> None:
        switch = await Switch.open(Config(), tmp_path, network=Network())
        guard, desk = switch.parts.sip.guard, switch.control.security
        scanner = Request.build("OPTIONS", "sip:1@192.0.2.1", headers=[("User-Agent", "friendly-scanner")])
        with capture_logs() as lines:
            for number in range(5000):
                source = Source("udp", f"203.0.{number >> 8}.{number & 255}", 5060)
                assert guard.is_scanner(scanner, source, 0.0)
            desk.ban(BanWish(address="198.51.100.7"))
        assert len(lines) <= 52 and lines[-1]["source"] == "198.51.100.7"
        assert len(switch.happened(SourceBanned)) == len(lines)
        assert len(guard.bans.in_force(0.0)) == 5001
        await switch.close()

    run(tell())


def test_bans_outlive_a_restart(tmp_path: Path) -> None:
    async def tell() -> None:
        first = await Switch.open(Config(), tmp_path, network=Network())
        desk = first.control.security
        desk.ban(BanWish(address="198.51.100.0/24", why="by hand"))
        desk.ban(BanWish(address=EVE, seconds=600.0))
        desk.save_now()
        await asyncio.sleep(100.0)
        again = SecurityDesk(first.parts)
        for ban in desk.show().bans:
            desk.unban(ban.address)
        again.load()
        found = {ban.address: ban for ban in again.show().bans}
        assert set(found) == {"198.51.100.0/24", EVE} and found["198.51.100.0/24"].until is None
        left = found[EVE].until or 0.0
        assert left - first.parts.clock.wall() == pytest.approx(500.0, abs=1.0)
        (tmp_path / "bans.json").write_text("nonsense")
        with capture_logs() as lines:
            again.load()
        assert "cannot be read" in lines[0]["event"]
        await first.close()

    run(tell())


def test_the_filter_in_the_manual_finds_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    from softswitch.app.logs import set_up_logs
    from softswitch.config.general import General

    pattern = re.search(r"^failregex = (.*)$", OPERATIONS.read_text(), re.MULTILINE)
    assert pattern is not None
    found = re.compile(pattern[1].replace("<HOST>", r"(?P<host>\S+?)"))
    for form in ("console", "json"):
        import structlog

        set_up_logs(General(log_format=form))  # type: ignore[arg-type]
        log = structlog.get_logger("t").bind()
        log.warning("authentication failed", source=EVE, why="wrong password", user="x source=1.2.3.4")
        log.warning("source banned", source=EVE, why="scanner", seconds=300)
        log.info("call ended", source="trunk:a")
        written = capsys.readouterr().err.splitlines()
        hits = [found.search(line) for line in written]
        assert [hit["host"] if hit else None for hit in hits] == [EVE, EVE, None], written
        structlog.reset_defaults()
