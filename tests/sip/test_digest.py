"""Proves digest by the vectors of RFC 7616 section 3.9.1 and RFC 2617 section 3.5, the reading and writing of challenges
and credentials, the choice among several challenges, and nonces: age, forgery, replay, bounded memory.

Does not prove who is let in (`test_admission.py`).
"""

import pytest

from softswitch.config.secret import Secret, ha1
from softswitch.sip.digest import (
    WITHOUT_QOP,
    Challenge,
    Credentials,
    Nonces,
    answer_challenge,
    challenges_of,
    digest_response,
    verify,
)
from softswitch.sip.errors import ParseError
from softswitch.sip.message import Response

REALM_7616 = "http-auth@example.org"
NONCE_7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE_7616 = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
VECTORS_7616 = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}
MUFASA = Secret.from_password("Mufasa", REALM_7616, "Circle of Life")


@pytest.mark.parametrize("algorithm", VECTORS_7616)
def test_vectors_of_rfc_7616_both_sides(algorithm: str) -> None:
    text = (
        f'Digest realm="{REALM_7616}", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE_7616}", opaque="{OPAQUE_7616}"'
    )
    challenge = Challenge.parse(text)
    answer = answer_challenge([challenge], MUFASA, method="GET", uri="/dir/index.html", cnonce=CNONCE_7616)
    assert answer is not None
    assert answer.response == VECTORS_7616[algorithm]
    assert (answer.nc, answer.qop, answer.opaque) == ("00000001", "auth", OPAQUE_7616)
    hashes = {"MD5": MUFASA.ha1_md5, "SHA-256": MUFASA.ha1_sha256}
    assert verify(Credentials.parse(str(answer)), "GET", hashes)
    assert not verify(Credentials.parse(str(answer)), "PUT", hashes)


def test_vector_of_rfc_2617() -> None:
    credentials = Credentials.parse(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
        'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    hashes = {"MD5": ha1("md5", "Mufasa", "testrealm@host.com", "Circle Of Life")}
    assert verify(credentials, "GET", hashes)
    assert credentials.nonce_count == 1


def test_vector_without_qop() -> None:
    """RFC 2069 as corrected by its erratum 749."""
    credentials = Credentials.parse(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"'
    )
    hashes = {"MD5": ha1("md5", "Mufasa", "testrealm@host.com", "CircleOfLife")}
    assert verify(credentials, "GET", hashes)
    assert credentials.nonce_count == WITHOUT_QOP


def test_verify_refuses() -> None:
    challenge = Challenge(realm=REALM_7616, nonce="n", algorithm="SHA-256", qop=("auth",))
    answer = answer_challenge([challenge], MUFASA, method="INVITE", uri="sip:h", cnonce="c")
    assert answer is not None
    hashes = {"SHA-256": MUFASA.ha1_sha256}
    assert verify(answer, "INVITE", hashes)
    assert not verify(answer, "INVITE", {}), "a user that does not exist"
    assert not verify(answer, "INVITE", {"MD5": MUFASA.ha1_md5}), "a hash that is not known"
    from dataclasses import replace

    for changed in (
        replace(answer, response=""),
        replace(answer, response="٣" * 64),
        replace(answer, algorithm="SHA-512-256"),
        replace(answer, algorithm="MD5-sess"),
        replace(answer, qop="auth-int"),
        replace(answer, nc="00000002"),
        replace(answer, uri="sip:i"),
    ):
        assert not verify(changed, "INVITE", hashes)


def test_quoted_values_with_commas_semicolons_and_escapes() -> None:
    credentials = Credentials.parse(
        'Digest username="a,b \\"c\\"",realm = "r;x=1" , nonce="n",uri="sip:h;p=1,2",response="0",,algorithm=md5'
    )
    assert (
        credentials.username == 'a,b "c"'
        and credentials.uri == "sip:h;p=1,2"
        and credentials.realm == "r;x=1"
    )
    assert Credentials.parse(str(credentials)) == credentials
    challenge = Challenge.parse(
        'DIGEST realm="a \\"b\\", c",nonce="x",stale=TRUE,domain="sip:h",qop="auth,auth-int"'
    )
    assert challenge.realm == 'a "b", c' and challenge.stale and challenge.qop == ("auth", "auth-int")
    assert challenge.algorithm == "MD5"
    assert Challenge.parse(str(challenge)) == challenge


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Basic QWxhZGRpbg==",
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest realm="r"',
        'Digest realm="r, nonce="n"',
        'Digest realm="r" nonce="n"',
        'Digest realm="r", realm="s", nonce="n"',
        'Digest realm="r", nonce="n" x',
        'Digest realm="r", nonce=',
        'Digest realm="r", nonce="n", ' + ", ".join(f"a{number}=1" for number in range(40)),
        'Digest realm="' + '\\"' * 30_000,
    ],
)
def test_unreadable_challenges(text: str) -> None:
    with pytest.raises(ParseError):
        Challenge.parse(text)


@pytest.mark.parametrize(
    "extra",
    ["qop=auth", 'qop=auth,nc=1,cnonce="c"', "qop=auth,nc=00000001", 'qop=auth,nc=0000000g,cnonce="c"'],
)
def test_unreadable_credentials(extra: str) -> None:
    with pytest.raises(ParseError):
        Credentials.parse(f'Digest username="u",realm="r",nonce="n",uri="sip:h",response="0",{extra}')


def _response(*challenges: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response.build(status, headers=[(name, text) for text in challenges])


def test_client_walks_the_challenges() -> None:
    """The case of OpenSIPS 27d5862: the best one offered is one that we cannot compute."""
    response = _response(
        'Digest realm="r",nonce="a",algorithm=SHA-512-256',
        "Unreadable",
        'Digest realm="r",nonce="b",algorithm=sha-256,qop="auth-int"',
        'Digest realm="r",nonce="c",algorithm=sha-256,qop="auth"',
        'Digest realm="r",nonce="d",algorithm=MD5',
    )
    found = challenges_of(response)
    assert [challenge.nonce for challenge in found] == ["a", "b", "c", "d"]
    answer = answer_challenge(found, MUFASA, method="INVITE", uri="sip:h", cnonce="x", nonce_count=16)
    assert answer is not None and (answer.nonce, answer.algorithm, answer.nc) == ("c", "sha-256", "00000010")
    only_md5 = Secret(user="u", ha1_md5="0" * 32)
    answer = answer_challenge(found, only_md5, method="INVITE", uri="sip:h", cnonce="x")
    assert answer is not None and (answer.nonce, answer.qop, answer.nc) == ("d", "", "")
    assert answer_challenge(found, MUFASA, method="A", uri="u", cnonce="x", allowed=lambda _: False) is None
    assert challenges_of(_response('Digest realm="r",nonce="a"', status=407))[0].nonce == "a"
    assert challenges_of(Response.build(200)) == []
    assert len(challenges_of(_response(*['Digest realm="r",nonce="a"'] * 100))) <= 8


def test_secrets_do_not_show() -> None:
    answer = answer_challenge(
        [Challenge(realm="r", nonce="n")], MUFASA, method="INVITE", uri="sip:h", cnonce="c"
    )
    assert answer is not None
    for hidden in (answer.response, "Circle", MUFASA.ha1_md5, MUFASA.ha1_sha256):
        assert hidden not in repr(answer) and hidden not in repr(MUFASA)


def test_digest_response_of_an_unknown_algorithm() -> None:
    with pytest.raises(ParseError):
        digest_response(
            "0", Credentials(username="", realm="", nonce="", uri="", response="", algorithm="x"), "A"
        )


def test_nonces_age_and_cannot_be_forged() -> None:
    nonces = Nonces(b"secret", 300)
    nonce = nonces.make(1000.0, b"12345678", "MD5")
    assert nonces.check(nonce, 1000.0, "MD5") == "fresh"
    assert nonces.check(nonce, 1300.0, "MD5") == "fresh"
    assert nonces.check(nonce, 1300.1, "MD5") == "stale"
    assert nonces.check(nonce, 999.0, "MD5") == "stale"
    assert nonces.check(nonce, 1000.0, "SHA-256") == "forged", "one nonce for each algorithm"
    assert Nonces(b"other", 300).check(nonce, 1000.0, "MD5") == "forged"
    for place in range(len(nonce)):
        changed = nonce[:place] + ("A" if nonce[place] != "A" else "B") + nonce[place + 1 :]
        assert nonces.check(changed, 1000.0, "MD5") == "forged"
    for text in ("", "x", nonce[:-1], nonce + "A", "é" * 24, "=" * 24, "\udce9" * 24, nonce[:-1] + "\n"):
        assert nonces.check(text, 1000.0, "MD5") == "forged"
    with pytest.raises(ValueError):
        nonces.make(0, b"few")
    assert nonces.make(1000.0, b"12345678") != nonces.make(1000.0, b"12355678")


def test_nonce_count_must_rise() -> None:
    nonces = Nonces(b"secret", 300)
    nonce = nonces.make(0.0, b"12345678")
    assert [nonces.use(nonce, count) for count in (1, 2, 2, 1, 5, 4, 6)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
    ]
    single = nonces.make(0.0, b"abcdefgh")
    assert [nonces.use(single, WITHOUT_QOP) for _ in range(2)] == [True, False]
    assert not nonces.use(nonces.make(0.0, b"zzzzzzzz"), 0)


def test_memory_of_nonces_is_bounded_and_forgetting_lets_no_replay_in() -> None:
    nonces = Nonces(b"secret", 300, remembered=10)
    made = [nonces.make(float(second), b"12345678") for second in range(100)]
    for nonce in made:
        assert nonces.use(nonce, 1)
    assert len(nonces._counts) == 10
    for second, nonce in enumerate(made):
        replay_gets_in = nonces.check(nonce, 100.0) == "fresh" and nonces.use(nonce, 1)
        assert not replay_gets_in, second
    assert nonces.check(nonces.make(100.0, b"12345678"), 100.0) == "fresh"
