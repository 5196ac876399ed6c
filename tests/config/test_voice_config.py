"""Proves that what is wrong in speech, mail, boxes, surveys and recognisers is told with file, line and key, that secrets
are read from their files and shown nowhere, and that nodes name only recognisers that there are.

Does not prove what is done with it.
"""

from pathlib import Path

import pytest

from softswitch.cli.checked import load_checked
from softswitch.config.loader import load
from softswitch.config.problem import ConfigError


def problems(folder: Path, text: str) -> list[str]:
    file = folder / "softswitch.toml"
    file.touch(mode=0o600)
    file.write_text(text)
    try:
        loaded = load_checked(file)
    except ConfigError as error:
        return [f"{problem.line} {problem.key}: {problem.message}" for problem in error.problems]
    return [f"warning {problem.line} {problem.key}: {problem.message}" for problem in loaded.warnings]


FLOW = '[flow.f]\nstart = "a"\n[flow.f.node.end]\ndo = "hangup"\n[flow.f.node.a]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[speech]\ncommand = ["say", "{text}"]', "2 speech.command: {text} is unknown"),
        ('[speech]\ncommand = ["say"]', "2 speech.command: lacks {file}"),
        ("[speech]\nparallel = 0", "2 speech.parallel: is too little"),
        ('[mail]\nserver = "mail.example.org"', "2 mail.server: 'mail.example.org' is no mail server"),
        ('[mail]\nserver = "smtp://m"\nuser = "u"', "3 mail.user: needs secret_file"),
        ('[mail]\nstarttls = "maybe"', '2 mail.starttls: "maybe" is not allowed'),
        ("[mail]\nretry_min_s = 60\nretry_max_s = 5", "3 mail.retry_max_s: is less than retry_min_s"),
        ('[message.m]\npin = "12"', "2 message.m.pin: is no code"),
        ('[message.m]\npin = "12345678901234567"', "2 message.m.pin: is no code"),
        ('[message.m]\nmail = ["a b"]', "2 message.m.mail[0]: 'a b' is no mail address"),
        ('[message.m]\nmail = ["a@b.org"]', "warning 2 message.m.mail: sends nothing"),
        ("[message.m]\nsilence_s = 0.2", "2 message.m.silence_s: would end messages"),
        ("[survey.s]\naccept = true", "1 survey.s: asks for nothing"),
        (
            '[survey.s]\nquestions = [{ name = "a", prompt = "busy" }, { name = "a", prompt = "busy" }]',
            "survey.s.questions[1].name: is the name of another question",
        ),
        ('[survey.s]\ncomment = true\ninvite = "nothing"', "3 survey.s.invite: there is no prompt 'nothing'"),
        (
            '[queue.q]\nsurvey = "cst"\n[survey.cast]\ncomment = true',
            "2 queue.q.survey: there is no survey 'cst'",
        ),
        (
            '[recogniser.r]\nurl = "http://x/"',
            "2 recogniser.r.url: 'http://x/' is no address of a recogniser",
        ),
        ("[recogniser.r]\nrate = 8000", "1 recogniser.r.url: is missing"),
        ('[recogniser.r]\nurl = "ws://x/"\nrate = 44100', "3 recogniser.r.rate: 44100 is not allowed"),
        (
            FLOW + 'do = "hear"\nrecogniser = "none"\nnext = "end"',
            "7 flow.f.node.a.recogniser: there is no recogniser 'none'",
        ),
        (
            '[recogniser.r]\nurl = "ws://x/"\n' + FLOW + 'do = "hear"\nrecogniser = "r"',
            "flow.f.node.a.cases: whatever is understood leads nowhere",
        ),
        (FLOW + 'do = "speak"\ntext = "broken {"\nnext = "end"', "7 flow.f.node.a.text:"),
        (FLOW + 'do = "directory"\nmin_letters = 0', "7 flow.f.node.a.min_letters: 0:"),
        ('[features]\nvoicemail = "*1"', "features"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, text + "\n")
    assert any(told in problem for problem in found), found


def test_secrets_are_read_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("hidden word\n")
    (tmp_path / "token").write_text("hidden token\n")
    for name in ("mail", "token"):
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "softswitch.toml"
    file.write_text(
        '[mail]\nserver = "smtps://m.example.org"\nuser = "box"\nsecret_file = "mail"\n'
        '[recogniser.r]\nurl = "wss://x.example.org/hear"\nsecret_file = "token"\n'
    )
    loaded = load(file)
    assert loaded.secrets["mail", ""].password == "hidden word" and loaded.secrets["mail", ""].user == "box"
    assert loaded.secrets["recogniser", "r"].password == "hidden token"
    assert "hidden" not in repr(loaded)
