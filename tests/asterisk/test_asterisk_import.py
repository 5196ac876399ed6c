"""Proves that Asterisk's files become a configuration of ours that `config check` takes, key by key; that every line
ends as carried, changed or lost with its reason; that no password is in the report; and, where an Asterisk is
installed, that its own sample files go through.

Does not prove dialplans: extensions.conf is not read, and that is told.
"""

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from softswitch.asterisk.importing import Imported, import_asterisk
from softswitch.cli.main import cli
from softswitch.config.loader import load

CHROOTS = [*Path.home().glob(".cache/softswitch-bench/asterisk*"), Path("/")]
SAMPLES = [
    folder
    for root in CHROOTS
    for folder in (root / "etc/asterisk", root / "usr/share/asterisk/conf/basic-pbx")
    if (folder / "pjsip.conf").exists()
]
PJSIP = """
[global]
type = global
user_agent = Acme
default_realm = acme
[udp]
type = transport
protocol = udp
bind = 0.0.0.0:5080
external_signaling_address = 203.0.113.5
local_net = 10.0.0.0/8
[phone](!)
type = endpoint
context = internal            ; there is no dialplan
disallow = all
allow = ulaw,alaw,g722,speex
media_encryption = sdes
callerid = "Ana Ruiz" <910000001>
[1001](phone)
auth = 1001
aors = 1001
pickup_group = 1
[1001]
type = auth
auth_type = userpass
username = ana
password = Secret-1
[1001]
type = aor
max_contacts = 2
default_expiration = 600
[1002](phone)
aors = 1002
[1002]
type = aor
contact = sip:1002@192.0.2.9
[carrier]
type = endpoint
context = incoming
allow = alaw
outbound_auth = carrier
aors = carrier
from_user = 34910000000
100rel = no
[carrier]
type = auth
username = 4711
password = Secret-2
[carrier]
type = aor
contact = sip:sip.carrier.example:5070
qualify_frequency = 60
[carrier]
type = identify
endpoint = carrier
match = 198.51.100.0/24,sip.carrier.example
[carrier-reg]
type = registration
outbound_auth = carrier
server_uri = sip:sip.carrier.example
client_uri = sip:4711@sip.carrier.example
expiration = 900
retry_interval = 30
[ghost](phone)
aors = none
"""
QUEUES = """
[general]
autofill = yes
[sales]
strategy = leastrecent
timeout = 20
wrapuptime = 7
maxlen = 5
weight = 2
servicelevel = 30
joinempty = paused,unavailable
leavewhenempty = strict
autopause = yes
autopausebusy = yes
musicclass = jazz
announce-frequency = 45
announce-position = limit
monitor-format = wav
retry = 3
ringinuse = yes
member => PJSIP/1001,2,Ana
member => Local/1002@agents,0,Ben,PJSIP/1002
member => DAHDI/3,0,Old
unheard-of = 1
"""
AGENTS = """
[general]
[team](!)
wrapuptime = 5000
ackcall = yes
[1001](team)
fullname = Ana Ruiz
[2001](team)
fullname = Nobody
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ast").mkdir()
    for name, text in (("pjsip.conf", PJSIP), ("queues.conf", QUEUES), ("agents.conf", AGENTS)):
        (tmp_path / "ast" / name).write_text(text)
    (tmp_path / "ast" / "extensions.conf").write_text("[default]\n")
    return tmp_path / "ast"


def imported(folder: Path) -> Imported:
    return import_asterisk(
        lambda name: [
            (path.name, path.read_text("utf-8", "replace")) for path in sorted(folder.glob(name.lstrip("/")))
        ]
    )


def made(folder: Path) -> dict[str, Any]:
    return tomllib.loads(imported(folder).text)


def test_phones_and_trunks(folder: Path) -> None:
    config = made(folder)
    assert config["sip"] == {
        "listen": ["udp://0.0.0.0:5080"],
        "external_address": "203.0.113.5",
        "local_nets": ["10.0.0.0/8"],
        "user_agent": "Acme",
        "realm": "acme",
    }
    assert config["endpoint"] == {
        "1001": {
            "auth": {"user": "ana", "secret": "Secret-1"},
            "display_name": "Ana Ruiz",
            "caller_number": "910000001",
            "codecs": ["PCMU", "PCMA", "G722"],
            "srtp": "required",
            "pickup_groups": ["1"],
        },
        "1002": {
            "contact": "sip:1002@192.0.2.9",
            "display_name": "Ana Ruiz",
            "caller_number": "910000001",
            "codecs": ["PCMU", "PCMA", "G722"],
            "srtp": "required",
        },
    }
    assert config["trunk"]["carrier"] == {
        "host": "sip:sip.carrier.example:5070",
        "auth": {"user": "4711", "secret": "Secret-2"},
        "options_interval_s": 60.0,
        "match": ["198.51.100.0/24"],
        "codecs": ["PCMA"],
        "reliable_provisionals": "off",
        "caller_number": "34910000000",
        "register": {
            "server": "sip:sip.carrier.example",
            "aor": "sip:4711@sip.carrier.example",
            "expires_s": 900,
            "retry_min_s": 30.0,
            "retry_max_s": 300.0,
        },
    }


def test_queues_and_agents(folder: Path) -> None:
    config = made(folder)
    assert config["queue"]["sales"] == {
        "wrapuptime": 7.0,
        "strategy": "longest-idle",
        "timeout": 20.0,
        "servicelevel": 30.0,
        "announce_frequency": 45.0,
        "weight": 2,
        "maxlen": 5,
        "announce_position": True,
        "joinempty": "paused,unavailable",
        "leavewhenempty": "strict",
        "autopause": 1,
        "autopause_on": ["no answer", "busy"],
        "delays": {"no_answer_s": 3.0},
        "record": "always",
        "members": [{"agent": "1001", "penalty": 2}, {"agent": "1002"}],
    }
    assert config["agent"] == {
        "1001": {"endpoint": "1001", "name": "Ana", "wrapuptime": 5.0, "login": "on-start"},
        "1002": {"endpoint": "1002", "name": "Ben", "login": "on-start"},
    }


def test_every_line_that_is_not_carried_over_is_told_with_its_reason(folder: Path) -> None:
    result = imported(folder)
    told = {(note.text.split(" = ")[0], note.kind): note.why for note in result.notes}
    for key in ("context", "musicclass", "unheard-of", "ringinuse", "default_expiration", "ackcall", "aors"):
        assert (key, "lost") in told, key
    assert ("announce-position", "changed") in told
    assert told["member", "lost"].startswith("his phone is none")
    assert told["unheard-of", "lost"] == "has no equivalent here"
    assert any(note.file == "extensions.conf" and note.why == "is not read" for note in result.notes)
    places = [(note.file, note.line) for note in result.notes]
    assert places == sorted(places)
    for file, text in (("pjsip.conf", PJSIP), ("queues.conf", QUEUES), ("agents.conf", AGENTS)):
        for number, line in enumerate(text.split("\n"), 1):
            if any(note.line == number and note.file == file and "=" in note.text for note in result.notes):
                assert "=" in line, (file, number)


def test_no_password_is_in_the_report(folder: Path) -> None:
    assert "Secret-" not in " ".join(map(str, imported(folder).notes))


def test_the_command_writes_a_file_that_is_checked_and_only_its_owner_reads(folder: Path) -> None:
    out = folder.parent / "made.toml"
    result = CliRunner().invoke(cli, ["config", "import", "--asterisk", str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "queues.conf:15: musicclass = jazz" in result.output
    assert re.search(r"2 endpoints, 1 trunk, 2 agents, 1 queue from .* \d+ lines carried over", result.output)
    assert "Secret-" not in result.output
    assert set(load(out).config.queue) == {"sales"}
    again = CliRunner().invoke(cli, ["config", "import", "--asterisk", str(folder), "--out", str(out)])
    assert again.exit_code != 0 and "exists" in again.output
    printed = CliRunner().invoke(cli, ["config", "import", "--asterisk", str(folder), "--json"])
    assert '"queue": 1' in printed.output


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["config", "import", "--asterisk", str(tmp_path)])
    assert result.exit_code != 0 and "none of queues.conf" in result.output


@pytest.mark.skipif(not SAMPLES, reason="no Asterisk is installed here")
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_asterisks_own_samples_go_through(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.toml"
    result = CliRunner().invoke(cli, ["config", "import", "--asterisk", str(sample), "--out", str(out)])
    assert result.exit_code == 0, result.output
    config = load(out).config
    if sample.name == "basic-pbx":
        assert len(config.endpoint) == 15 and set(config.queue) == {"sales", "customer_advocate"}
        assert [member.agent for member in config.queue["sales"].members] == ["1109", "1105", "1112"]
        assert config.queue["sales"].strategy == "ring-all"
        assert config.endpoint["1107"].display_name == "Lindsey Freddie"


@pytest.mark.skipif(not SAMPLES, reason="no Asterisk is installed here")
def test_samples_with_every_key_uncommented(tmp_path: Path) -> None:
    """Every key that the samples explain, as if somebody had used it: none is passed over in silence."""
    sample = next((path for path in SAMPLES if path.name == "asterisk"), SAMPLES[0])
    (tmp_path / "ast").mkdir()
    for name in ("queues.conf", "agents.conf", "pjsip.conf"):
        if not (sample / name).exists():
            continue
        text = (sample / name).read_text("utf-8", "replace")
        used = re.sub(r"(?m)^;\s?(?=\[[\w-]+\]|[\w-]+ ?=)", "", text)
        (tmp_path / "ast" / name).write_text(used)
    result = imported(tmp_path / "ast")
    assert tomllib.loads(result.text)
    assert result.lost > 30 and result.carried > 30
    assert all(note.why for note in result.notes)
