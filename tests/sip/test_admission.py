"""Proves who is let in: by network, by digest, by both; the one stateless 401 that is alike for known and unknown users;
stale and replayed nonces; foreign addresses of record. Whole exchanges, with our own client side answering.

Does not prove equal time to the microsecond (a rank test over the network does that), nor what is done with the admitted.
"""

import re
from dataclasses import replace

import pytest

from softswitch.config.credentials import Auth
from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.errors import UnusableError
from softswitch.sip.admission import Admission, Admitted, Refusal
from softswitch.sip.capabilities import PROXIED
from softswitch.sip.digest import Credentials, Nonces, answer_challenge, challenges_of
from softswitch.sip.identity import Identity, IdentityTable
from softswitch.sip.message import Request, parse_message
from softswitch.sip.source import Source

REALM = "pbx.example"
PHONE = Source("udp", "192.0.2.50", 5060)
CARRIER = Source("udp", "198.51.100.7", 5060)
METHODS = (
    "INVITE",
    "REGISTER",
    "MESSAGE",
    "SUBSCRIBE",
    "REFER",
    "NOTIFY",
    "PUBLISH",
    "INFO",
    "BYE",
    "UPDATE",
    "PRACK",
    "XYZ",
)

CONFIG = Config(
    endpoint={
        "1001": Endpoint(auth=Auth(user="alice")),
        "1002": Endpoint(auth=Auth()),
        "1003": Endpoint(contact="sip:1003@203.0.113.3", match=("203.0.113.3",)),
    },
    trunk={
        "carrier": Trunk(host="sip:sbc.carrier.example", match=("198.51.100.0/24",)),
        "narrow": Trunk(host="sip:198.51.100.200:5070;transport=tcp"),
        "both": Trunk(
            host="sip:both.example", match=("203.0.113.64/26",), auth=Auth(user="both"), challenge=True
        ),
        "digest": Trunk(host="sip:roaming.example", auth=Auth(user="roamer"), challenge=True),
        "outward": Trunk(host="sip:out.example", auth=Auth(user="ours")),
    },
)
SECRETS = {
    ("endpoint", "1001"): Secret.from_password("alice", REALM, "wonderland"),
    ("endpoint", "1002"): Secret.from_password("1002", REALM, "pw2"),
    ("trunk", "both"): Secret.from_password("both", REALM, "pw3"),
    ("trunk", "digest"): Secret.from_password("roamer", REALM, "pw4"),
    ("trunk", "outward"): Secret.from_password("ours", "theirs", "pw5"),
}


def admission(lifetime_s: float = 300) -> Admission:
    return Admission(IdentityTable.from_config(CONFIG, SECRETS), Nonces(b"secret", lifetime_s), REALM)


def request(
    method: str = "INVITE", *headers: tuple[str, str], user: str = "1001", uri: str = "sip:pbx.example"
) -> Request:
    lines = [
        ("Via", "SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKabc"),
        ("From", f"<sip:{user}@pbx.example>;tag=1"),
        ("To", f"<sip:{user}@pbx.example>"),
        ("Call-ID", "call"),
        ("CSeq", f"1 {method}"),
        *headers,
    ]
    message = parse_message(Request.build(method, uri, headers=lines).to_bytes())
    assert isinstance(message, Request)
    return message


def refused(verdict: Admitted | Refusal) -> Refusal:
    assert isinstance(verdict, Refusal)
    return verdict


def credentials(
    refusal: Refusal, secret: Secret, method: str, *, uri: str = "sip:pbx.example", count: int = 1
) -> Credentials:
    answer = answer_challenge(
        challenges_of(refusal.response), secret, method=method, uri=uri, cnonce="c", nonce_count=count
    )
    assert answer is not None
    return answer


@pytest.mark.parametrize("method", ["OPTIONS", "ACK", "CANCEL"])
def test_never_challenged(method: str) -> None:
    assert admission().check(request(method), PHONE, 0, b"e" * 8) == Admitted(None)
    assert admission().check(request(method), CARRIER, 0, b"e" * 8) == Admitted(Identity("trunk", "carrier"))


@pytest.mark.parametrize("method", METHODS)
def test_every_other_method_is_challenged_without_proof(method: str) -> None:
    refusal = refused(admission().check(request(method), PHONE, 0, b"e" * 8))
    proxied = method in PROXIED
    assert (refusal.response.status, refusal.why) == (407 if proxied else 401, "unanswered challenge")
    assert ("Proxy-Authenticate" if proxied else "WWW-Authenticate") in refusal.response.headers
    assert [challenge.algorithm for challenge in challenges_of(refusal.response)] == ["SHA-256", "MD5"]
    assert all(
        challenge.qop == ("auth",) and not challenge.stale for challenge in challenges_of(refusal.response)
    )


@pytest.mark.parametrize("method", [method for method in METHODS if method != "REGISTER"])
def test_networks(method: str) -> None:
    door = admission()
    for address, name in (
        ("198.51.100.7", "carrier"),
        ("198.51.100.200", "narrow"),
        ("::ffff:198.51.100.7", "carrier"),
    ):
        verdict = door.check(request(method), Source("udp", address, 9), 0, b"e" * 8)
        assert verdict == Admitted(Identity("trunk", name))
    fixed = door.check(request(method), Source("tcp", "203.0.113.3", 9), 0, b"e" * 8)
    assert fixed == Admitted(Identity("endpoint", "1003"))
    refused(door.check(request(method), Source("udp", "203.0.113.70", 9), 0, b"e" * 8))
    refused(door.check(request(method), Source("udp", "2001:db8::1", 9), 0, b"e" * 8))


def test_register_needs_digest_even_from_a_trunk() -> None:
    refused(admission().check(request("REGISTER"), CARRIER, 0, b"e" * 8))


@pytest.mark.parametrize("method", METHODS)
def test_right_password(method: str) -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(method), PHONE, 0, b"e" * 8))
    answer = credentials(first, secret, method)
    assert answer.algorithm == "SHA-256"
    verdict = door.check(request(method, ("Authorization", str(answer))), PHONE, 1, b"f" * 8)
    assert verdict == Admitted(Identity("endpoint", "1001"), by_digest=True)


def test_md5_and_credentials_of_other_realms_and_schemes_beside() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    md5 = [challenge for challenge in challenges_of(first.response) if challenge.algorithm == "MD5"]
    answer = answer_challenge(md5, secret, method="INVITE", uri="sip:pbx.example;x=1", cnonce="c")
    assert answer is not None
    headers = [
        ("Authorization", "NoOneKnowsThisScheme opaque-data=here"),
        ("Authorization", str(replace(answer, realm="other"))),
        ("Authorization", str(answer)),
    ]
    verdict = door.check(request("INVITE", *headers), PHONE, 1, b"f" * 8)
    assert verdict == Admitted(Identity("endpoint", "1001"), by_digest=True)


def _without_nonce(refusal: Refusal) -> bytes:
    return re.sub(rb'nonce="[^"]*"', b"", refusal.response.to_bytes())


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_known_and_unknown_users_are_answered_alike(method: str) -> None:
    door = admission()
    first = refused(door.check(request(method), PHONE, 0, b"e" * 8))
    answers = []
    for user in ("alice", "1002", "nobody", "ours", "1001", ""):
        wrong = Secret.from_password(user, REALM, "wrong")
        proof = ("Authorization", str(credentials(first, wrong, method)))
        refusal = refused(door.check(request(method, proof), PHONE, 1, b"f" * 8))
        assert refusal.why == "wrong password"
        answers.append(_without_nonce(refusal))
    bad = (
        "Digest \x00",
        'Digest username="alice',
        str(replace(credentials(first, wrong, method), algorithm="X")),
    )
    answers += [
        _without_nonce(
            refused(
                door.check(request(method, ("Authorization", text.replace("\0", "?"))), PHONE, 1, b"f" * 8)
            )
        )
        for text in bad
    ]
    assert set(answers) == {_without_nonce(first)}


def test_the_same_401_for_each_retransmission() -> None:
    door = admission()
    assert _without_nonce(refused(door.check(request(), PHONE, 0, b"e" * 8))) == _without_nonce(
        refused(door.check(request(), PHONE, 3, b"f" * 8))
    )
    assert refused(door.check(request(), PHONE, 0, b"e" * 8)).response.to_tag


def test_stale_nonce_says_so_only_to_who_knows_the_password() -> None:
    door, secret = admission(lifetime_s=10), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    right = ("Authorization", str(credentials(first, secret, "INVITE")))
    late = refused(door.check(request("INVITE", right), PHONE, 11, b"f" * 8))
    assert late.why == "stale" and all(challenge.stale for challenge in challenges_of(late.response))
    again = ("Authorization", str(credentials(late, secret, "INVITE")))
    assert isinstance(door.check(request("INVITE", again), PHONE, 12, b"g" * 8), Admitted)
    wrong = ("Authorization", str(credentials(first, Secret.from_password("alice", REALM, "no"), "INVITE")))
    other = refused(door.check(request("INVITE", wrong), PHONE, 11, b"f" * 8))
    assert other.why == "guessed nonce" and not any(
        challenge.stale for challenge in challenges_of(other.response)
    )


def test_after_a_restart_an_old_nonce_is_stale() -> None:
    secret = SECRETS["endpoint", "1001"]
    first = refused(admission().check(request(), PHONE, 500, b"e" * 8))
    other = Admission(IdentityTable.from_config(CONFIG, SECRETS), Nonces(b"new secret", 300), REALM)
    proof = ("Authorization", str(credentials(first, secret, "INVITE")))
    assert refused(other.check(request("INVITE", proof), PHONE, 1, b"f" * 8)).why == "stale"


def test_replay() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request("REGISTER"), PHONE, 0, b"e" * 8))
    proof = ("Authorization", str(credentials(first, secret, "REGISTER")))
    assert isinstance(door.check(request("REGISTER", proof), PHONE, 1, b"f" * 8), Admitted)
    replayed = refused(door.check(request("REGISTER", proof), PHONE, 2, b"g" * 8))
    assert (replayed.why, replayed.response.status) == ("replayed", 401)
    following = ("Authorization", str(credentials(first, secret, "REGISTER", count=2)))
    assert isinstance(door.check(request("REGISTER", following), PHONE, 3, b"h" * 8), Admitted)
    without = replace(credentials(replayed, secret, "REGISTER"), qop="", nc="", cnonce="")
    from softswitch.sip.digest import digest_response

    without = replace(without, response=digest_response(secret.ha1_sha256, without, "REGISTER"))
    verdicts = [
        isinstance(
            door.check(request("REGISTER", ("Authorization", str(without))), PHONE, 4, b"i" * 8), Admitted
        )
        for _ in range(2)
    ]
    assert verdicts == [True, False], "without qop a nonce is good for one request"


def test_credentials_are_good_for_their_method_and_target_only() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    proof = ("Authorization", str(credentials(first, secret, "INVITE", uri="sip:1002@pbx.example")))
    refused(door.check(request("INVITE", proof, uri="sip:+900@pbx.example"), PHONE, 1, b"f" * 8))
    refused(door.check(request("INVITE", proof, uri="sip:1002@elsewhere"), PHONE, 1, b"f" * 8))
    refused(door.check(request("REFER", proof, uri="sip:1002@pbx.example"), PHONE, 1, b"f" * 8))
    good = door.check(
        request("INVITE", proof, uri="sip:1002@PBX.example:5060;user=phone"), PHONE, 1, b"f" * 8
    )
    assert isinstance(good, Admitted)


def test_registering_for_another_is_403_after_the_right_password_only() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request("REGISTER", user="1002"), PHONE, 0, b"e" * 8))
    assert first.response.status == 401
    proof = ("Authorization", str(credentials(first, secret, "REGISTER")))
    verdict = refused(door.check(request("REGISTER", proof, user="1002"), PHONE, 1, b"f" * 8))
    assert (verdict.response.status, verdict.why) == (403, "forbidden")
    again = ("Authorization", str(credentials(first, secret, "REGISTER", count=2)))
    assert isinstance(door.check(request("REGISTER", again, user="100%31"), PHONE, 1, b"f" * 8), Admitted)
    other = refused(door.check(request("REGISTER"), PHONE, 0, b"other---"))
    trunk = ("Authorization", str(credentials(other, SECRETS["trunk", "digest"], "REGISTER")))
    assert (
        refused(door.check(request("REGISTER", trunk, user="digest"), PHONE, 1, b"f" * 8)).response.status
        == 403
    )


def test_trunks_by_digest() -> None:
    door = admission()
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    roamer = ("Authorization", str(credentials(first, SECRETS["trunk", "digest"], "INVITE")))
    assert door.check(request("INVITE", roamer), PHONE, 1, b"f" * 8) == Admitted(
        Identity("trunk", "digest"), by_digest=True
    )
    inside = Source("udp", "203.0.113.70", 5060)
    for place, let_in in ((PHONE, False), (inside, True)):
        other = refused(door.check(request(), place, 0, b"other---"))
        both = ("Authorization", str(credentials(other, SECRETS["trunk", "both"], "INVITE")))
        verdict = door.check(request("INVITE", both), place, 1, b"f" * 8)
        assert (verdict == Admitted(Identity("trunk", "both"), by_digest=True)) is let_in


def test_a_phone_at_a_trunks_address_is_itself_when_it_proves_it() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request("REGISTER"), CARRIER, 0, b"e" * 8))
    proof = ("Authorization", str(credentials(first, secret, "INVITE")))
    assert door.check(request("INVITE", proof), CARRIER, 1, b"f" * 8) == Admitted(
        Identity("endpoint", "1001"), by_digest=True
    )


def test_a_nonce_is_good_only_where_the_challenge_went() -> None:
    """So a wrong password with a good nonce comes from somebody who receives there, and may count against him."""
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    right = ("Authorization", str(credentials(first, secret, "INVITE")))
    elsewhere = Source("udp", "192.0.2.51", 5060)
    moved = refused(door.check(request("INVITE", right), elsewhere, 1, b"f" * 8))
    assert moved.why == "stale" and challenges_of(moved.response)[0].stale
    wrong = Secret.from_password("alice", REALM, "no")
    guessed = ("Authorization", str(credentials(first, wrong, "INVITE")))
    assert refused(door.check(request("INVITE", guessed), elsewhere, 1, b"f" * 8)).why == "guessed nonce"
    assert refused(door.check(request("INVITE", guessed), PHONE, 1, b"f" * 8)).why == "wrong password"


@pytest.mark.parametrize("method", METHODS)
def test_the_challenge_is_as_long_as_there_is_room(method: str) -> None:
    """All algorithms best first, or the one that every phone knows; whether the user exists changes nothing."""
    for user in ("1001", "nobody"):
        asked = request(method, user=user)
        full = refused(admission().check(asked, PHONE, 0, b"e" * 8)).response
        roomy = refused(admission().check(asked, PHONE, 0, b"e" * 8, room=len(full.to_bytes()))).response
        assert roomy.to_bytes() == full.to_bytes()
        tight = refused(admission().check(asked, PHONE, 0, b"e" * 8, room=len(full.to_bytes()) - 1)).response
        assert [challenge.algorithm for challenge in challenges_of(tight)] == ["MD5"]


def test_each_algorithm_has_a_nonce_of_its_own() -> None:
    """Best first, each as a header of its own; a nonce of one proves nothing with another (RFC 8760)."""
    guarded = admission()
    refusal = refused(guarded.check(request("REGISTER"), PHONE, 0, b"e" * 8))
    offered = challenges_of(refusal.response)
    assert [challenge.algorithm for challenge in offered] == ["SHA-256", "MD5"]
    assert len(refusal.response.headers.get_all("WWW-Authenticate")) == 2
    assert offered[0].nonce != offered[1].nonce
    crossed = replace(offered[1], nonce=offered[0].nonce)
    answer = answer_challenge(
        [crossed], SECRETS["endpoint", "1001"], method="REGISTER", uri="sip:pbx.example", cnonce="c"
    )
    again = request("REGISTER", ("Authorization", str(answer)))
    assert refused(guarded.check(again, PHONE, 1, b"f" * 8)).why == "stale", (
        "no proof, though the password is right"
    )


def test_only_algorithms_that_every_user_can_answer_are_offered() -> None:
    for secret, expected in (
        (Secret(user="old", ha1_md5="0" * 32), ("MD5",)),
        (Secret(user="old", ha1_sha256="0" * 64), ("SHA-256",)),
    ):
        config = Config(endpoint={"1001": Endpoint(), "old": Endpoint()})
        table = IdentityTable.from_config(
            config, {("endpoint", "1001"): SECRETS["endpoint", "1001"], ("endpoint", "old"): secret}
        )
        assert table.algorithms == expected
    assert IdentityTable.from_config(Config(), {}).algorithms == ("SHA-256", "MD5")


def test_phones_that_give_up_at_sha_256_are_offered_md5_alone_whoever_they_are() -> None:
    table = IdentityTable.from_config(CONFIG, SECRETS)
    door = Admission(table, Nonces(b"secret", 300), REALM, md5_only=("old phone",))
    for agent, expected in (
        ("old phone v1", ["MD5"]),
        ("new phone", ["SHA-256", "MD5"]),
        ("an old phone", ["SHA-256", "MD5"]),
    ):
        for user in ("1001", "nobody"):
            refusal = refused(
                door.check(request("INVITE", ("User-Agent", agent), user=user), PHONE, 0, b"e" * 8)
            )
            assert [challenge.algorithm for challenge in challenges_of(refusal.response)] == expected


def test_what_cannot_be_used_is_named() -> None:
    shared = {("endpoint", "a"): Secret(user="u"), ("endpoint", "b"): Secret(user="u")}
    with pytest.raises(UnusableError, match=r"endpoint\.b and endpoint\.a"):
        IdentityTable.from_config(Config(endpoint={"a": Endpoint(), "b": Endpoint()}), shared)
    with pytest.raises(UnusableError, match="match of t"):
        IdentityTable.from_config(Config(trunk={"t": Trunk(host="sip:h", match=("300.1.1.1",))}), {})


def test_match_without_fixed_contact_opens_nothing() -> None:
    config = Config(endpoint={"1": Endpoint(match=("0.0.0.0/0",))})
    assert IdentityTable.from_config(config, {}).identify(PHONE) is None


def test_reload_changes_who_is_let_in_and_keeps_nonces() -> None:
    door, secret = admission(), SECRETS["endpoint", "1001"]
    first = refused(door.check(request(), PHONE, 0, b"e" * 8))
    proof = ("Authorization", str(credentials(first, secret, "INVITE")))
    offers = {"algorithms": ("SHA-256", "MD5"), "md5_only": ()}
    door.reload(IdentityTable.from_config(Config(), {}), REALM, **offers)
    refused(door.check(request("INVITE", proof), PHONE, 1, b"f" * 8))
    door.reload(IdentityTable.from_config(CONFIG, SECRETS), REALM, **offers)
    assert isinstance(door.check(request("INVITE", proof), PHONE, 1, b"f" * 8), Admitted)
