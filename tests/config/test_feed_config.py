"""Proves that `[events]`, `[ami]` and `[webhook.NAME]` are refused with file, line, key and what was expected; that
nothing opens without a secret, nor the manager interface to other machines; that secrets are read from files and are in
no repr.

Does not prove what they do when they are right.
"""

from pathlib import Path

import pytest

from softswitch.config.loader import load
from softswitch.config.problem import ConfigError


def problems(folder: Path, text: str) -> list[str]:
    file = folder / "s.toml"
    file.touch(mode=0o600)
    file.write_text(text)
    try:
        return [str(each).removeprefix(str(folder)) for each in load(file).warnings]
    except ConfigError as error:
        return [str(each).removeprefix(str(folder)) for each in error.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[ami]\nlisten = "127.0.0.1:5038"\nuser = "b"\n', "/s.toml:2: ami.listen: needs a secret"),
        ('[ami]\nlisten = "127.0.0.1:5038"\nsecret = "x"\n', "/s.toml:2: ami.listen: needs a user"),
        (
            '[ami]\nlisten = "0.0.0.0:5038"\nuser = "b"\nsecret = "x"\n',
            "ami.listen: 0.0.0.0 can be reached from elsewhere",
        ),
        ('[events]\nlisten = "0.0.0.0:9091"\n', "/s.toml:2: events.listen: needs a secret"),
        (
            '[events]\nlisten = "here"\nsecret = "x"\n',
            "'here' is nothing to listen on; expected ADDRESS:PORT",
        ),
        ('[events]\nsecrt = "x"\n', "did you mean 'secret'"),
        ('[events]\nsecret = "x"\nsecret_file = "y"\n', "events.secret: is given twice"),
        ('[events]\nsecret_file = "none"\n', "/none cannot be read: No such file"),
        ('[webhook.crm]\nurl = "ftp://x"\n', "webhook.crm.url: 'ftp://x' is no address to send to"),
        ('[webhook.crm]\nurl = "https://u:p@host/x"\n', "without a password"),
        ("[webhook.crm]\n", "webhook.crm.url: is missing"),
        ('[webhook.crm]\nurl = "https://x/"\ntopics = ["Queue"]\n', "'Queue' is no topic"),
        ('[webhook.crm]\nurl = "https://x/"\nparallel = 0\n', "webhook.crm.parallel: 0 is too little"),
        ('[webhook.crm]\nurl = "https://x/"\nretry_max_s = 0.5\n', "retry_max_s: is less than retry_min_s"),
        ('[webhook."c r m"]\nurl = "https://x/"\n', "is no name"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, text)
    assert any(told in each for each in found), found


def test_secrets_from_files_and_in_no_repr(tmp_path: Path) -> None:
    for name in ("ami", "crm", "events"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"{name}-secret\nmore\n")
    text = (
        '[ami]\nlisten = "127.0.0.1:5038"\nuser = "board"\nsecret_file = "ami"\n'
        '[events]\nlisten = "[::1]:9091"\nsecret_file = "events"\n'
        '[webhook.crm]\nurl = "https://x/"\nsecret_file = "crm"\n[webhook.plain]\nurl = "https://y/"\n'
        '[webhook.inline]\nurl = "https://z/"\nsecret = "inline-secret"\n'
    )
    assert problems(tmp_path, text) == []
    loaded = load(tmp_path / "s.toml")
    assert {key: secret.password for key, secret in loaded.secrets.items()} == {
        ("ami", ""): "ami-secret",
        ("events", ""): "events-secret",
        ("webhook", "crm"): "crm-secret",
        ("webhook", "inline"): "inline-secret",
    }
    assert "-secret" not in repr(loaded.config) + repr(loaded.secrets)


def test_a_secret_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("x\n")
    (tmp_path / "open").chmod(0o644)
    [told] = problems(tmp_path, '[webhook.crm]\nurl = "https://x/"\nsecret_file = "open"\n')
    assert "every user of this machine can read" in told
