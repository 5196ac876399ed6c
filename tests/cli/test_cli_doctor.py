"""Proves what `softswitch doctor` finds on a machine without a running switch: a good configuration, a broken one, a port
in use, an engine that cannot be had, a disk that is too full; and how it exits.

Does not prove what a running switch answers; that is tests/interop.
"""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from softswitch.cli.main import cli
from softswitch.rtp import engines


def examine(file: Path) -> tuple[int, dict[str, dict[str, str]]]:
    result = CliRunner().invoke(cli, ["doctor", "--json", "--config", str(file)])
    return result.exit_code, {check["name"]: check for check in json.loads(result.output)}


def written(folder: Path, more: str = "", port: int = 0) -> Path:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", port))
        port = port or free.getsockname()[1]
    file = folder / "softswitch.toml"
    file.write_text(
        f'[general]\nstate_dir = "{folder}/state"\n[sip]\nlisten = ["udp://127.0.0.1:{port}", "tcp://127.0.0.1:{port}"]\n'
        f'[rtp]\naddress = "127.0.0.1"\nports = "31000-31100"\n{more}'
    )
    return file


def test_a_good_machine(tmp_path: Path) -> None:
    status, checks = examine(written(tmp_path))
    assert status == 0, checks
    assert {check["state"] for check in checks.values()} <= {"ok", "warning"}
    assert checks["configuration"]["state"] == checks["start"]["state"] == checks["Python"]["state"] == "ok"
    assert checks["media engine"]["found"].startswith(("io_uring", "sockets"))
    assert "50 legs" in checks["open files"]["found"]


def test_a_broken_configuration_fails_and_names_the_line(tmp_path: Path) -> None:
    status, checks = examine(written(tmp_path, "port = 1\n"))
    assert status == 1
    assert "softswitch.toml:8: rtp.port" in checks["configuration"]["found"]
    assert "start" not in checks


def test_a_port_in_use_fails(tmp_path: Path) -> None:
    file = written(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", int(file.read_text().split("127.0.0.1:")[1].split('"')[0])))
        status, checks = examine(file)
    assert status == 1
    assert checks["start"]["state"] == "failed"
    assert "another program uses it" in checks["start"]["found"]


def test_an_engine_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(engines, "UringEngine", refused)
    status, checks = examine(written(tmp_path))
    assert status == 0
    assert checks["media engine"]["state"] == "warning"
    assert "Operation not permitted" in checks["media engine"]["found"]
    status, checks = examine(written(tmp_path, 'engine = "io_uring"\n'))
    assert status == 1
    assert checks["media engine"]["state"] == "failed"


def test_a_disk_that_is_too_full(tmp_path: Path) -> None:
    status, checks = examine(written(tmp_path, "[recording]\nmin_free_mb = 999999999\n"))
    assert status == 1
    assert checks["space for recordings"]["state"] == "failed"


def test_the_table_is_for_people(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["doctor", "--config", str(written(tmp_path))])
    assert result.exit_code == 0
    assert "media engine" in result.output
    assert "what to do" in result.output
