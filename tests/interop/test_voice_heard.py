"""Proves on the running switch with espeak-ng, real audio and baresip: what a caller says is found again in his message, in
the mail's attachment (which sox plays) and in what a recogniser is sent; silence ends a message; baresip's lamp is lit; a
text that is spoken at run time is what the caller hears, and its answer leads on.

Does not prove the menus: `tests/story/test_voicemail_story.py` does.
"""

import email
import email.policy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, phone, trunk
from tools.peers.g711 import Samples
from tools.peers.mail_server import mail_server
from tools.peers.recogniser import recogniser
from tools.peers.softphone import Softphone
from tools.peers.speech import HEARD, correlation, sentence, silence, speak
from tools.peers.switch import StartSwitch, Switch, wait_for

PHONE = "127.0.0.32"
TEXT = "The number that you want is forty two. Thank you for your patience."


def _config(mail: str, recogniser_url: str) -> dict[str, Any]:
    over = {"do": "hangup"}
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one", mailbox="sales")},
        "message": {"sales": {"max_s": 30, "silence_s": 1.5, "mail": ["ana@example.org"]}},
        "mail": {"server": mail, "starttls": "never"},
        "recogniser": {"test": {"url": recogniser_url, "rate": 8000}},
        "flow": {
            "spoken": {
                "start": "say",
                "node": {"say": {"do": "speak", "text": TEXT, "next": "over"}, "over": over},
            },
            "asked": {
                "start": "hear",
                "node": {
                    "hear": {
                        "do": "hear",
                        "recogniser": "test",
                        "timeout_s": 12.0,
                        "cases": {"silver river": "say"},
                    },
                    "say": {"do": "speak", "text": TEXT, "next": "over"},
                    "over": over,
                },
            },
        },
        "route": {
            "601": {"to": "message:sales"},
            "602": {"to": "flow:spoken"},
            "603": {"to": "flow:asked"},
        },
    }


def _file(path: Path) -> Samples:
    samples, rate = soundfile.read(str(path), dtype="int16")
    assert rate == 8000
    return np.asarray(samples if samples.ndim == 1 else samples[:, 0], np.int16)


def _leave_message(switch: Switch, said: Samples) -> Path:
    """Silence ends it, so the switch hangs up."""
    with Softphone("34600111222", TRUNK_ADDRESS, switch.sip) as caller:
        caller.dial("601")
        wait_for(lambda: json.loads(switch.get("/v1/recordings?box=sales")[1]), 30, "the recording")
        caller.rtp.play(np.concatenate([said, silence(8)]))
        [row] = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")
    assert len(said) / 8000 < row["seconds"] < len(said) / 8000 + 5, "silence has ended it"
    return switch.state / "recordings" / row["path"]


def test_what_is_said_is_recorded_mailed_recognised_and_spoken(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    said, asked = sentence(1), sentence(2)
    with (
        mail_server() as (mails, mail_address),
        recogniser("a SILVER, river", after_s=len(asked) / 8000) as (ears, recogniser_url),
    ):
        switch = start_switch(_config(mail_address, recogniser_url))
        with Baresip(
            "1001", tmp_path / "baresip", switch.sip, password="one", address=PHONE, watches_messages=True
        ) as lamp:
            path = _leave_message(switch, said)
            wait_for(lambda: "Voice-Message: 1/0" in lamp.log(), 30, "the message lamp of baresip")
        assert correlation(said, _file(path)).score > HEARD
        wait_for(lambda: mails.mails, 30, "the mail")
        _judge_mail(mails.mails[0][2], said, tmp_path)
        [message] = switch.cli("voicemail", "list", "--json")
        assert message["mail"]["state"] == "sent" and message["message"]["heard"] is None
        text = speak(TEXT, voice="en-gb", words_a_minute=165)
        with Softphone("34600111222", TRUNK_ADDRESS, switch.sip) as caller:
            caller.dial("602")
            caller.call.wait_request("BYE", 40)
            assert correlation(text, caller.rtp.heard()).score > HEARD
        with Softphone("34600111222", TRUNK_ADDRESS, switch.sip) as caller:
            caller.dial("603")
            caller.rtp.play(np.concatenate([asked, silence(2)]))
            caller.call.wait_request("BYE", 60)
            assert correlation(text, caller.rtp.heard()).score > HEARD, "the answer led on"
        assert correlation(asked, ears.heard()).score > HEARD
        assert ears.starts[0]["hints"] == ["silver river"]
        switch.assert_clean()


def _judge_mail(content: bytes, said: Samples, folder: Path) -> None:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    [attachment] = mail.iter_attachments()
    file = folder / "attached.wav"
    wav = attachment.get_payload(decode=True)
    assert isinstance(wav, bytes)
    file.write_bytes(wav)
    assert correlation(said, _file(file)).score > HEARD
    sox = shutil.which("sox")
    assert sox is not None
    played = subprocess.run((sox, str(file), "-n", "stat"), capture_output=True, check=True)
    assert b"Length" in played.stderr
