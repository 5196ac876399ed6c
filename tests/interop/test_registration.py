"""Proves the registrar and the digest from outside, with a SIP party of plain sockets and baresip.

Right and wrong password, MD5 and SHA-256, replayed and stale nonce, `Contact: *`, expiry, two phones on one address of
record, and that nobody learns from an answer which users exist. Does not prove timing at the microsecond.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.peers.baresip import Baresip, BaresipError
from tools.peers.centre import phone, trunk
from tools.peers.sip_party import SipParty
from tools.peers.sip_text import Message, parameters
from tools.peers.softphone import Softphone
from tools.peers.switch import StartSwitch, Switch, wait_for

HOME = "127.0.0.22"


def _config(**sip: Any) -> dict[str, Any]:
    return {
        "sip": {"min_expires_s": 1, **sip},
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one"), "1002": phone("two"), "1003": phone("three", max_calls=4)},
        "route": {"601": {"to": "extension:1003"}},
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("switch"), _config()) as switch:
        yield switch


@pytest.fixture
def switch(running: Switch) -> Iterator[Switch]:
    """The switch that these tests share; nobody is registered before and after."""
    yield running
    for user, password in (("1001", "one"), ("1002", "two"), ("1003", "three")):
        with SipParty(user, HOME, running.sip, password=password) as party:
            assert party.unregister_all().status == 200


def _party(switch: Switch, user: str = "1001", password: str = "one", **more: Any) -> SipParty:
    return SipParty(user, HOME, switch.sip, password=password, **more)


def _contacts(switch: Switch, endpoint: str = "1001") -> list[str]:
    return [row["contact"] for row in switch.cli("registrations") if row["endpoint"] == endpoint]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("tcp", [False, True])
def test_the_right_password_registers(switch: Switch, algorithm: str, tcp: bool) -> None:
    with _party(switch, algorithm=algorithm, tcp=tcp) as party:
        challenge = party.register(answer=False)
        assert challenge.status == 401
        offered = [parameters(value).get("algorithm", "MD5") for value in challenge.all("www-authenticate")]
        assert set(offered) == {"MD5", "SHA-256"}
        response = party.register(expires=120)
        assert response.status == 200
        assert party.contact.strip("<>").split(";")[0] in response.get("contact")
        assert len(_contacts(switch)) == 1
        assert party.unregister_all().status == 200
        assert _contacts(switch) == []


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_wrong_password_does_not(switch: Switch, algorithm: str) -> None:
    with _party(switch, password="wrong", algorithm=algorithm) as party:
        assert party.register().status in (401, 403)
        assert _contacts(switch) == []


def test_a_replayed_answer_is_refused(switch: Switch) -> None:
    with _party(switch) as party, _party(switch) as thief:
        challenge = party.register(answer=False)
        _, answer = party.credentials.answer(challenge, "REGISTER", f"sip:{party.domain}")
        assert party.register(authorization=answer, answer=False).status == 200
        assert thief.register(authorization=answer, answer=False).status in (401, 403)
        assert party.register(authorization=answer, answer=False).status in (401, 403)
        assert _contacts(switch) == [party.contact.strip("<>")]


def test_a_nonce_count_that_does_not_rise_is_refused_and_one_that_does_is_taken(
    switch: Switch,
) -> None:
    with _party(switch) as party:
        challenge = party.register(answer=False)
        for count, expected in ((1, {200}), (2, {200}), (2, {401, 403}), (5, {200})):
            _, answer = party.credentials.answer(challenge, "REGISTER", f"sip:{party.domain}", count=count)
            assert party.register(authorization=answer, answer=False).status in expected, count


def test_a_stale_nonce_is_told_so_and_renewed(start_switch: StartSwitch) -> None:
    switch = start_switch(_config(nonce_lifetime_s=1))
    with _party(switch) as party:
        challenge = party.register(answer=False)
        time.sleep(2.2)
        _, answer = party.credentials.answer(challenge, "REGISTER", f"sip:{party.domain}")
        again = party.register(authorization=answer, answer=False)
        assert again.status == 401
        assert parameters(again.get("www-authenticate")).get("stale", "").lower() == "true"
        _, renewed = party.credentials.answer(again, "REGISTER", f"sip:{party.domain}")
        assert party.register(authorization=renewed, answer=False).status == 200


def test_a_made_up_nonce_is_refused(switch: Switch) -> None:
    with _party(switch) as party:
        challenge = party.register(answer=False)
        forged = Message(challenge.start, [(n, re.sub(r'nonce="[^"]+"', 'nonce="abcdef0123456789"', v))
                                           for n, v in challenge.headers])  # fmt: skip
        _, answer = party.credentials.answer(forged, "REGISTER", f"sip:{party.domain}")
        assert party.register(authorization=answer, answer=False).status in (401, 403)
        assert _contacts(switch) == []


def test_nobody_registers_for_another(switch: Switch) -> None:
    with _party(switch) as party:
        response = party.register(aor=f"sip:1002@{party.domain}")
        assert response.status == 403
        assert _contacts(switch, "1002") == []


def test_star_goes_with_expires_zero_only(switch: Switch) -> None:
    with _party(switch) as party:
        assert party.register().status == 200
        assert party.register(contact="*", expires=60).status == 400
        assert len(_contacts(switch)) == 1
        assert party.register(contact="*", expires=0).status == 200
        assert _contacts(switch) == []


def test_a_registration_expires(switch: Switch) -> None:
    with _party(switch) as party:
        assert party.register(expires=2).status == 200
        assert len(_contacts(switch)) == 1
        wait_for(lambda: not _contacts(switch), 5, "expiry")
        states = {line["name"]: line["state"] for line in switch.cli("lines")}
        assert states["1001"] == "unreachable"


def test_too_short_a_time_gets_423(start_switch: StartSwitch) -> None:
    switch = start_switch(_config(min_expires_s=60))
    with _party(switch) as party:
        response = party.register(expires=10)
        assert response.status == 423
        assert response.get("min-expires") == "60"
        assert party.register(expires=60).status == 200


def test_two_phones_on_one_aor_both_ring(switch: Switch) -> None:
    with (
        Softphone("1003", "127.0.0.23", switch.sip, password="three") as desk,
        Softphone("1003", "127.0.0.24", switch.sip, password="three") as mobile,
        Softphone("34600", "127.0.0.10", switch.sip) as caller,
    ):
        desk.register()
        mobile.register()
        assert len(_contacts(switch, "1003")) == 2
        call = caller.sip.call("601", caller.media)
        desk.ring()
        mobile.ring()
        desk.accept()
        assert call.wait(200).status == 200
        assert mobile.call.cancelled.wait(3), "the phone that lost keeps ringing"
        call.bye()
        assert desk.call.ended.wait(3)


def _shape(message: Message) -> list[tuple[str, str]]:
    """An answer without what must differ in any two: tags, branches, ids, nonces, times."""
    user = re.compile(r"\b(1001|nobody)\b")
    variable = re.compile(r'tag=[^;,\s]+|branch=[^;,\s]+|nonce="[^"]+"|opaque="[^"]+"|rport=\d+|:\d{4,5}\b')
    skipped = {"call-id", "date", "cseq"}
    return [
        (name, variable.sub("~", user.sub("U", value)))
        for name, value in message.headers
        if name not in skipped
    ]


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"])
@pytest.mark.parametrize("password", ["", "wrong"])
def test_known_and_unknown_users_are_answered_alike(switch: Switch, method: str, password: str) -> None:
    answers = []
    for user in ("1001", "nobody"):
        with SipParty(user, HOME, switch.sip, password=password) as party:
            if method == "REGISTER":
                answers.append(party.register(answer=bool(password)))
                continue
            uri = f"sip:1002@{party.domain}"
            first = party.request(method, uri)
            if password and first.status in (401, 407):
                header = party.credentials.answer(first, method, uri)
                first = party.request(method, uri, extra=[header])
            answers.append(first)
    known, unknown = answers
    assert known.start == unknown.start
    assert _shape(known) == _shape(unknown)


def test_an_unauthenticated_invite_is_never_routed(switch: Switch) -> None:
    with Softphone("1002", "127.0.0.23", switch.sip, password="two") as victim:
        victim.register()
        with SipParty("1001", HOME, switch.sip, password="wrong") as stranger:
            call = stranger.call("1002", (HOME, 4000))
            response = call.wait()
            assert response.status in (401, 403, 407)
            if response.status != 403:
                stranger.authenticate(call, response)
                assert call.wait().status in (401, 403, 407)
        assert victim.sip.incoming.empty()
        assert switch.cli("calls") == []


def test_one_unanswered_invite_brings_one_challenge(switch: Switch) -> None:
    """RFC 3261 section 26.3.2.4: stateless, or a 401 nobody acknowledges goes out eleven times to whom it may harm."""
    with SipParty("1001", HOME, switch.sip) as stranger:
        stranger._acknowledge_failure = lambda transaction, response: None  # type: ignore[method-assign]
        call = stranger.call("1002", (HOME, 4000))
        assert call.wait().status in (401, 407)
        time.sleep(2.5)
        assert call.invite is not None
        assert len([response for response in call.invite.seen if response.status >= 200]) == 1


def test_baresip_registers(switch: Switch, tmp_path: Path) -> None:
    with Baresip("1002", tmp_path / "right", switch.sip, password="two", address="127.0.0.23"):
        assert len(_contacts(switch, "1002")) == 1
    wait_for(lambda: not _contacts(switch, "1002"), 5, "the phone's own de-registration")
    with pytest.raises(BaresipError):
        Baresip("1002", tmp_path / "wrong", switch.sip, password="bad", address="127.0.0.24").start(timeout=2)
    assert _contacts(switch, "1002") == []


def test_registrations_survive_a_restart(start_switch: StartSwitch) -> None:
    switch = start_switch(_config())
    with _party(switch) as party:
        assert party.register(expires=300).status == 200
        switch.wait_rows("SELECT * FROM registrations")  # the writer gathers rows for a moment
        switch.kill9()
        switch.start()
        assert _contacts(switch) == [party.contact.strip("<>")]
