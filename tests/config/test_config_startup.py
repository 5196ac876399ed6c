"""Proves that what a configuration names and this machine cannot give is told at start, at its key, with what to do.

Does not prove a disk without space. Folders without permission are proved only where the tests do not run as root.
"""

import os
import socket
from pathlib import Path

import pytest

from softswitch.config import paths
from softswitch.config.loader import load
from softswitch.config.startup import check_startup


def told(folder: Path, text: str, state_dir: str = "") -> dict[str, str]:
    """Key to message of what cannot be used."""
    file = folder / "softswitch.toml"
    listen = "" if "[sip]" in text else '[sip]\nlisten = ["udp://127.0.0.1:0"]\n'
    general = "" if "[general]" in text else f'[general]\nstate_dir = "{state_dir or folder / "state"}"\n'
    file.write_text(general + listen + text)
    found = check_startup(load(file), lambda name, language: name in ("music", "leave-message"))
    assert all(problem.line or problem.key for problem in found)
    return {problem.key: problem.message for problem in found}


def test_a_usable_configuration_makes_its_folders(tmp_path: Path) -> None:
    assert told(tmp_path, "") == {}
    assert (tmp_path / "state/recordings").is_dir()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = told(tmp_path, f'[recording]\ndirectory = "{tmp_path / "file" / "below"}"\n')
    assert "cannot be made: Not a directory" in found["recording.directory"]
    assert "name another folder" in found["recording.directory"]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right is taken by hand, because root may write everywhere."""
    (tmp_path / "locked").mkdir()
    may = os.access

    def locked(path: str | Path, mode: int) -> bool:
        return "locked" not in str(path) and may(path, mode)

    monkeypatch.setattr(os, "access", locked)
    assert "chown it" in told(tmp_path, "", str(tmp_path / "locked"))["general.state_dir"]


def test_an_address_in_use_and_one_of_another_machine(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = told(tmp_path, f'[sip]\nlisten = ["udp://127.0.0.1:{port}", "tcp://192.0.2.1:5060"]\n')
    assert "another program uses it" in found["sip.listen[0]"]
    assert "does not have that address" in found["sip.listen[1]"]


def test_a_media_address_of_another_machine(tmp_path: Path) -> None:
    assert "does not have that address" in told(tmp_path, '[rtp]\naddress = "192.0.2.1"\n')["rtp.address"]


def taken_pair() -> tuple[int, list[socket.socket]]:
    """The first of four ports of which both even ones are in use, and what uses them."""
    for first in range(41000, 60000, 4):
        users = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            for number, user in enumerate(users):
                user.bind(("127.0.0.1", first + 2 * number))
        except OSError:
            for user in users:
                user.close()
            continue
        return first, users
    raise AssertionError("no free ports")


def test_media_ports_that_are_all_taken(tmp_path: Path) -> None:
    first, users = taken_pair()
    found = told(tmp_path, f'[rtp]\naddress = "127.0.0.1"\nports = "{first}-{first + 3}"\n')
    for user in users:
        user.close()
    assert "another program uses it" in found["rtp.ports"]


def test_prompts_that_are_not_there(tmp_path: Path) -> None:
    found = told(tmp_path, '[queue.q]\nmusic = "jazz"\n[prompts]\ndirectory = "/nonexistent/prompts"\n')
    assert "put en/jazz.wav into prompts.directory" in found["queue.q.music"]
    assert "is no folder that can be read" in found["prompts.directory"]


def test_a_control_socket_with_too_long_a_name(tmp_path: Path) -> None:
    assert (
        "set general.control_socket" in told(tmp_path, "", str(tmp_path / ("x" * 120)))["general.state_dir"]
    )


def test_a_switch_that_runs_already(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with socket.socket(socket.AF_UNIX) as running:
        running.bind(str(tmp_path / "state/control.sock"))
        assert told(tmp_path, "") == {}  # nobody listens: left by a crash
        running.listen()
        assert "already running" in told(tmp_path, "")["general.state_dir"]


def test_paths_hang_on_the_state_folder(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_text('[general]\nstate_dir = "/s"\n')
    config = load(file).config
    assert paths.database(config) == "sqlite:////s/softswitch.db"
    assert (paths.control_socket(config), paths.queue_log(config)) == (
        Path("/s/control.sock"),
        Path("/s/queue_log"),
    )
    assert (paths.recordings(config), paths.prompts(config)) == (Path("/s/recordings"), None)
    file.write_text('[general]\nqueue_log = "off"\n')
    assert paths.queue_log(load(file).config) is None


def test_codecs_and_encryption_whose_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        '[rtp]\ncodecs = ["PCMA", "opus", "L16"]\n[endpoint.1001]\ncontact = "sip:1001@192.0.2.7"\nsrtp = "optional"\n'
        '[trunk.north]\nhost = "sip:192.0.2.10"\ncodecs = ["G722", "G729"]\n'
    )
    assert told(tmp_path, text) == {}
    monkeypatch.setattr("softswitch.config.startup.importlib.util.find_spec", lambda name: None)
    found = told(tmp_path, text)
    assert set(found) == {
        "rtp.codecs[1]",
        "trunk.north.codecs[0]",
        "trunk.north.codecs[1]",
        "endpoint.1001.srtp",
    }
    assert "pip install 'softswitch[codecs]'" in found["rtp.codecs[1]"]
    assert "pylibsrtp" in found["endpoint.1001.srtp"]
