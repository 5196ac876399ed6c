"""Proves that a trunk with a realm of its own is challenged with it, by where it is and whatever user it names, that its
password counts in that realm alone, that everybody else sees the switch's realm, and which configuration is refused.

Does not prove how long anything takes.
"""

from pathlib import Path

import pytest

from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.config.loader import load
from softswitch.config.problem import ConfigError
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.sip.admission import Admission, Admitted, Refusal
from softswitch.sip.digest import Nonces, answer_challenge, challenges_of
from softswitch.sip.forwarding import consumed
from softswitch.sip.identity import Identity, IdentityTable
from softswitch.sip.message import Request, parse_message
from softswitch.sip.source import Source

OURS, THEIRS = "pbx.example", "carrier.example"
CARRIER, PHONE = Source("udp", "198.51.100.7", 5060), Source("udp", "192.0.2.50", 5060)
CONFIG = Config(
    endpoint={"1001": Endpoint(auth=Auth())},
    trunk={
        "carrier": Trunk(
            host="sip:sbc.carrier.example",
            match=("198.51.100.0/24",),
            auth=Auth(user="line"),
            challenge=True,
            realm=THEIRS,
        )
    },
)
PASSWORDS = {"1001": "one", "line": "two"}
SECRETS = {
    ("endpoint", "1001"): Secret.from_password("1001", OURS, "one"),
    ("trunk", "carrier"): Secret.from_password("line", THEIRS, "two"),
}


def door() -> Admission:
    return Admission(IdentityTable.from_config(CONFIG, SECRETS), Nonces(b"secret", 300), OURS)


def invite(*headers: tuple[str, str]) -> Request:
    lines = [
        ("Via", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa"),
        ("From", "<sip:line@carrier.example>;tag=1"),
        ("To", "<sip:600@pbx.example>"),
        ("Call-ID", "call"),
        ("CSeq", "1 INVITE"),
        *headers,
    ]
    message = parse_message(Request.build("INVITE", "sip:600@pbx.example", headers=lines).to_bytes())
    assert isinstance(message, Request)
    return message


def answered(at: Admission, source: Source, user: str, *, realm: str = "") -> Admitted | Refusal:
    """What comes of it when the peer answers its challenge, or one of another realm."""
    refusal = at.check(invite(), source, 0, b"e" * 8)
    assert isinstance(refusal, Refusal)
    challenges = challenges_of(refusal.response)
    if realm:
        challenges = [type(each)(realm=realm, nonce=each.nonce, qop=each.qop) for each in challenges]
    secret = Secret.from_password(user, challenges[0].realm, PASSWORDS[user])
    credentials = answer_challenge(
        challenges, secret, method="INVITE", uri="sip:600@pbx.example", cnonce="c", nonce_count=1
    )
    return at.check(invite(("Authorization", str(credentials))), source, 1, b"f" * 8)


@pytest.mark.parametrize(("source", "realm"), [(CARRIER, THEIRS), (PHONE, OURS)])
def test_the_realm_goes_by_the_place(source: Source, realm: str) -> None:
    refusal = door().check(invite(), source, 0, b"e" * 8)
    assert isinstance(refusal, Refusal)
    assert {each.realm for each in challenges_of(refusal.response)} == {realm}


def test_the_trunk_is_let_in_by_its_password_in_its_realm() -> None:
    assert answered(door(), CARRIER, "line") == Admitted(Identity("trunk", "carrier"), by_digest=True)
    assert isinstance(answered(door(), CARRIER, "line", realm=OURS), Refusal)


def test_a_phone_elsewhere_is_let_in_as_ever_and_the_trunks_realm_is_nothing_there() -> None:
    assert answered(door(), PHONE, "1001") == Admitted(Identity("endpoint", "1001"), by_digest=True)
    assert isinstance(answered(door(), PHONE, "line", realm=THEIRS), Refusal)


def test_credentials_of_either_realm_are_ours_and_go_no_further() -> None:
    assert door().realms == {OURS, THEIRS}
    for realm in (OURS, THEIRS):
        mine = f'Digest username="a", realm="{realm}", nonce="n", uri="sip:a", response="0"'
        assert consumed(invite(("Authorization", mine)), door().realms) == {"authorization"}
    foreign = 'Digest username="a", realm="else", nonce="n", uri="sip:a", response="0"'
    assert consumed(invite(("Authorization", foreign)), door().realms) == frozenset()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('match = ["192.0.2.0/24"]', "counts only with challenge"),
        ("challenge = true", "counts only with match"),
    ],
)
def test_where_it_could_never_count_it_is_refused(keys: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_text(
        f'[trunk.carrier]\nhost = "sip:sbc.example"\nauth = {{ secret = "x" }}\nrealm = "r"\n{keys}\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert said in "\n".join(map(str, caught.value.problems))


def test_a_password_is_hashed_for_the_trunks_realm(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_text(
        '[trunk.carrier]\nhost = "sip:sbc.example"\nmatch = ["192.0.2.0/24"]\nchallenge = true\n'
        'realm = "carrier.example"\nauth = { user = "line", secret = "two" }\n'
    )
    secret = load(file).secrets["trunk", "carrier"]
    assert secret.ha1_md5 == SECRETS["trunk", "carrier"].ha1_md5
