"""Proves that imports go down the floors only, that siblings never meet, and that cores do no I/O and own no clock.

Does not prove that a shell makes no decisions; that is what reviews are for.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent / "softswitch"

FLOOR = {
    "sip": 1,
    "rtp": 1,
    "acd": 1,
    "ivr": 1,
    "recorder": 1,
    "store": 1,
    "call": 2,
    "trace": 2,
    "feed": 2,
    "asterisk": 2,
    "api": 3,
    "cli": 4,
    "testing": 4,
}
TOP = {"app", "media_worker", "__main__"}
SHELLS = {
    "clock.py",
    "bus.py",
    "late.py",
    "priority.py",
    "config/loader.py",
    "config/secrets.py",
    "config/feed_secrets.py",
    "config/startup.py",
    "config/users.py",
    "config/reference.py",
    "sip/transport.py",
    "sip/bound_socket.py",
    "sip/datagrams.py",
    "sip/stream_connection.py",
    "sip/acceptor.py",
    "sip/websocket.py",
    "sip/tls.py",
    "sip/endpoint.py",
    "sip/stack_driver.py",
    "sip/resolver.py",
    "rtp/worker.py",
    "rtp/sockets.py",
    "rtp/datagram_ports.py",
    "rtp/uring.py",
    "rtp/ring.py",
    "rtp/pool.py",
    "rtp/keeper.py",
    "rtp/figures.py",
    "rtp/seat.py",
    "rtp/seating.py",
    "rtp/openings.py",
    "rtp/rescue.py",
    "rtp/adopted.py",
    "rtp/adoption.py",
    "rtp/secret_file.py",
    "rtp/spare.py",
    "rtp/remote.py",
    "rtp/link.py",
    "rtp/prompts.py",
    "ivr/prompts.py",
    "ivr/speech.py",
    "ivr/lookups.py",
    "ivr/http_lookup.py",
    "ivr/sql_lookup.py",
    "ivr/speech_cache.py",
    "ivr/speech_program.py",
    "recorder/files.py",
    "recorder/wav_file.py",
    "recorder/writer.py",
    "recorder/convert.py",
    "recorder/side_file.py",
    "recorder/fork.py",
}
SHELL_ROOMS = {"store", "call", "api", "cli", "testing"}
FORBIDDEN_IN_CORES = {
    "asyncio",
    "socket",
    "threading",
    "ssl",
    "time",
    "random",
    "os",
    "subprocess",
    "secrets",
}


def _modules() -> list[tuple[str, Path]]:
    return [(str(path.relative_to(ROOT)), path) for path in sorted(ROOT.rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _floor(room: str) -> int:
    return 4 if room in TOP else FLOOR.get(room, 0)


def _room(relative: str) -> str:
    return relative.split("/")[0].removesuffix(".py")


def test_imports_go_down_only() -> None:
    wrong = []
    for relative, path in _modules():
        room = _room(relative)
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "softswitch" or len(parts) < 2 or parts[1] == room or parts[1].startswith("__"):
                continue
            here, there = _floor(room), _floor(parts[1])
            if there > here or (there == here and here in (1, 3)):
                wrong.append(f"{relative} (floor {here}) imports {name} (floor {there})")
    assert not wrong, "\n".join(wrong)


def test_cores_do_no_io_and_own_no_clock() -> None:
    wrong = []
    for relative, path in _modules():
        if relative in SHELLS or _room(relative) in SHELL_ROOMS | TOP:
            continue
        forbidden = {name.split(".")[0] for name in _imports(path)} & FORBIDDEN_IN_CORES
        if forbidden:
            wrong.append(f"{relative} is a core and imports {', '.join(sorted(forbidden))}")
    assert not wrong, "\n".join(wrong)


def test_every_listed_shell_exists() -> None:
    missing = [shell for shell in SHELLS if not (ROOT / shell).exists()]
    assert not missing, missing
