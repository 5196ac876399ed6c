"""Proves every reading and commanding verb against a real API server on a Unix socket: text for people, JSON for
programs, exit statuses, nothing a terminal would obey; that the client starts without the heavy libraries; and that
`--socket`, the environment and the configuration are found in this order.

Does not prove the live redraw of `queue watch` on a terminal, only its single and its plain form.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from softswitch.api.server import ApiServer
from softswitch.api.views import ProblemView
from softswitch.bus import Bus
from softswitch.cli.main import cli
from softswitch.cli.options import parse_moment
from softswitch.cli.output import clean, length
from softswitch.cli.place import socket_path
from softswitch.testing.control import CALL, RECORDING, FakeControl

ROOT = Path(__file__).parents[2]


class Served:
    def __init__(self, path: Path, control: FakeControl) -> None:
        self.path = path
        self.control = control

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--socket", str(self.path), *arguments])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """An API server in a thread of its own, because the command line blocks."""
    control = FakeControl()
    path = tmp_path / "control.sock"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = ApiServer(control, Bus(), path)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield Served(path, control)
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


READING = [
    (("status",), "1:02:05"),
    (("calls",), CALL),
    (("calls", "show", CALL), "kate skipped (paused)"),
    (("lines",), "endpoint:1001"),
    (("queue",), "50.0 % in 20 s"),
    (("queue", "show", "sales"), "+34600000001"),
    (("queue", "watch", "--once"), "longest-idle"),
    (("queue", "callbacks"), "+34600000001"),
    (("queue", "callbacks", "--since", "1d"), "busy"),
    (("agent",), "talking"),
    (("agent", "show", "ana"), "sales 5"),
    (("trunk",), "1/30"),
    (("registrations",), "sip:1001@192.0.2.7"),
    (("cdr", "list"), "normal"),
    (("cdr", "show", CALL), "answered"),
    (("report", "queue"), "sl_answered: answered within X / answered"),
    (("report", "agent", "--since", "7d", "--interval", "1h"), "wait of the answered / answered"),
    (("recording", "list"), RECORDING),
    (("recording", "show", RECORDING), "1:05"),
]


@pytest.mark.parametrize(("arguments", "shown"), READING)
def test_reading_commands_print_text(served: Served, arguments: tuple[str, ...], shown: str) -> None:
    result = served.run(*arguments)
    assert result.exit_code == 0, result.output
    assert shown in result.output


@pytest.mark.parametrize("arguments", [arguments for arguments, _ in READING])
def test_reading_commands_print_json(served: Served, arguments: tuple[str, ...]) -> None:
    result = served.run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)


def test_commands_do_what_they_say(served: Served) -> None:
    for arguments in (
        ("calls", "hangup", CALL),
        ("agent", "login", "ana", "--endpoint", "1002"),
        ("agent", "pause", "ana", "lunch"),
        ("agent", "resume", "ana"),
        ("agent", "logout", "ana"),
        ("recording", "start", CALL),
        ("calls", "record", CALL, "on"),
        ("calls", "record", CALL, "mask"),
        ("calls", "record", CALL, "unmask"),
        ("stop",),
        ("stop", "--now"),
    ):
        result = served.run(*arguments)
        assert result.exit_code == 0, result.output
    assert served.control.commands == [
        ("hangup", CALL),
        ("login", "ana", "1002"),
        ("pause", "ana", "lunch"),
        ("resume", "ana"),
        ("logout", "ana"),
        ("record", CALL),
        ("record", CALL),
        ("mask", CALL),
        ("unmask", CALL),
        ("stop", False),
        ("stop", True),
    ]


def test_a_callback_is_cancelled_and_listed_no_more(served: Served) -> None:
    assert "is not called back any more" in served.run("queue", "callbacks", "cancel", "cb1").output
    assert json.loads(served.run("queue", "callbacks", "--json").output) == []
    assert (
        json.loads(served.run("queue", "callbacks", "--since", "1d", "--json").output)[0]["state"]
        == "cancelled"
    )
    refused = served.run("queue", "callbacks", "cancel", "nobody")
    assert (refused.exit_code, "no callback nobody is open" in refused.output) == (1, True)


def test_refusals_are_told_with_their_hint(served: Served) -> None:
    result = served.run("calls", "show", "nobody")
    assert result.exit_code == 1
    assert "there is no call 'nobody'" in result.output
    assert "`softswitch calls` lists those alive" in result.output


def test_reload_tells_what_needs_a_restart(served: Served) -> None:
    result = served.run("reload")
    assert result.exit_code == 0
    assert "in force only after a restart: rtp.ports" in result.output


def test_reload_with_problems_fails(served: Served) -> None:
    problem = ProblemView(file="a.toml", line=3, key="sip.t1", message="is no key here", did_you_mean="t1_ms")
    served.control.reload_problems = (problem,)
    result = served.run("reload")
    assert result.exit_code == 1
    assert "a.toml:3: sip.t1: is no key here; did you mean 't1_ms'?" in result.output
    assert "nothing was changed" in result.output


def test_export_converts_once_and_never_overwrites(served: Served, tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    with wave.open(str(source), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(b"\x01\x02\xff\xfe" * 16000)
    served.control.recording_file = str(source)
    for name, kind in (("b.flac", b"fLaC"), ("b.opus", b"OggS"), ("c.wav", b"RIFF")):
        target = tmp_path / name
        result = served.run("recording", "export", RECORDING, str(target))
        assert result.exit_code == 0, result.output
        assert result.output == f"{target}: 2 s\n"
        assert target.read_bytes()[:4] == kind
    assert served.run("recording", "export", RECORDING, str(source)).exit_code == 1
    assert served.run("recording", "export", RECORDING, str(tmp_path / "b.mp3")).exit_code == 1
    served.control.recording_file = str(tmp_path / "gone.wav")
    assert "is gone" in served.run("recording", "export", RECORDING, str(tmp_path / "d.flac")).output
    served.control.recording_seconds = None
    assert "still being made" in served.run("recording", "export", RECORDING).output


def test_what_a_peer_sent_never_drives_the_terminal(served: Served) -> None:
    served.control.ani = "\x1b]0;owned\x07[red]\u202e123\x9b2J"
    for arguments in (("calls",), ("calls", "show", CALL), ("cdr", "list"), ("queue", "show", "sales")):
        text = served.run(*arguments).output
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text), arguments
        assert "[red]" in text, arguments
        raw = served.run(*arguments, "--json").output
        assert raw.isascii()
        assert "\x1b" not in raw


def test_no_switch_running_is_said_clearly(tmp_path: Path) -> None:
    path = tmp_path / "nothing.sock"
    for arguments in (("status",), ("queue", "watch", "--once"), ("agent", "pause", "ana"), ("stop",)):
        result = CliRunner().invoke(cli, [*arguments, "--socket", str(path)])
        assert result.exit_code == 3
        assert result.output == f"no switch is running at {path}; start one with: softswitch run\n"


def test_as_a_program_without_a_terminal(served: Served) -> None:
    command = [sys.executable, "-m", "softswitch", "calls", "--json"]
    environment = {**os.environ, "SOFTSWITCH_SOCKET": str(served.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)[0]["call"] == CALL
    environment["SOFTSWITCH_SOCKET"] = "/nonexistent/control.sock"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no switch is running at /nonexistent/control.sock" in done.stderr


def test_watching_without_a_terminal_prints_lines_until_the_switch_stops(served: Served) -> None:
    command = [sys.executable, "-m", "softswitch", "queue", "watch", "--socket", str(served.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        line = watching.stdout.readline()
        watching.terminate()
    assert line.startswith("sales: 1 waiting (longest 12 s), 1 talking, 6 answered, 2 abandoned; ana talking")


def test_the_client_does_without_the_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from softswitch.cli.main import cli\n"
        "CliRunner().invoke(cli, ['status', '--socket', '/nonexistent'])\n"
        "print(sorted({'sqlalchemy', 'numpy', 'aiohttp', 'pydantic', 'soundfile', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"


def test_every_command_has_help() -> None:
    assert CliRunner().invoke(cli, ["--help"]).exit_code == 0
    assert CliRunner().invoke(cli, ["version"]).output.startswith("softswitch ")


def test_the_socket_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOFTSWITCH_SOCKET", raising=False)
    (tmp_path / "config/conf.d").mkdir(parents=True)
    usual = tmp_path / "config/softswitch.toml"
    usual.write_text('[general]\nstate_dir = "/usual"\n')
    other = tmp_path / "other.toml"
    other.write_text('[general]\ncontrol-socket = "/other/ctl"\n')
    assert socket_path(None, None) == Path("/usual/control.sock")
    (tmp_path / "config/conf.d/a.toml").write_text('[general]\ncontrol_socket = "/fragment/ctl"\n')
    assert socket_path(None, None) == Path("/fragment/ctl")
    assert socket_path(None, other) == Path("/other/ctl")
    monkeypatch.setenv("SOFTSWITCH_SOCKET", "/environment")
    assert socket_path(None, other) == Path("/environment")
    assert socket_path(Path("/said"), other) == Path("/said")


def test_times_as_people_write_them() -> None:
    now = datetime(2026, 5, 29, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    day = datetime(2026, 5, 29, tzinfo=now.tzinfo).timestamp()
    assert parse_moment("today", now) == day
    assert parse_moment("yesterday", now) == day - 86400
    assert parse_moment("2h", now) == now.timestamp() - 7200
    assert parse_moment("2026-05-29T14:30+02:00", now) == now.timestamp()
    for wrong in ("", "soon", "99999999d", "-1h", "2026-13-01"):
        with pytest.raises(ValueError, match=r".*"):
            parse_moment(wrong, now)
    assert [length(seconds) for seconds in (None, 7.4, 65, 7389)] == ["", "7 s", "1:05", "2:03:09"]


def test_clean_keeps_names_of_people() -> None:
    assert clean("Zoë Ștefan 李") == "Zoë Ștefan 李"
    assert clean("a\r\nb\tc\u2028d") == "a��b�c�d"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (("cdr",), ("cdr", "list")),
        (("cdr", "--number", "600", "--json"), ("cdr", "list", "--number", "600", "--json")),
        (("recording",), ("recording", "list")),
    ],
)
def test_what_is_past_is_listed_when_no_verb_is_named(
    served: Served, short: tuple[str, ...], long: tuple[str, ...]
) -> None:
    assert served.run(*short).output == served.run(*long).output
    assert served.run(short[0], "--help").output.startswith("Usage:")


def test_a_misspelt_command_is_told_what_was_meant() -> None:
    result = CliRunner().invoke(cli, ["statsu"])
    assert result.exit_code == 2
    assert "No such command 'statsu'. Did you mean 'status'?" in result.output


def test_no_line_of_the_overview_is_cut() -> None:
    overview = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert "..." not in overview.partition("Commands:")[2]
