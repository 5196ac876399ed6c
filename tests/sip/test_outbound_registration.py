"""Proves the machine of a trunk that registers outward: every row of its table, refresh, back-off, challenges, 423,
Retry-After, late answers, taking the registration back, and that no secret goes to a second realm.

Does not prove the sending (the endpoint does) nor a real registrar (interop does).
"""

import pytest

from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk, TrunkRegister
from softswitch.errors import UnusableError
from softswitch.sip.digest import Challenge, Credentials, Nonces, verify
from softswitch.sip.message import Response
from softswitch.sip.outbound_registration import (
    TRANSITIONS,
    OutboundRegistration,
    OutboundSettings,
    RegisterRequest,
)

SECRET = Secret.from_password("34911", "unknown before", "pw")
TRUNK = Trunk(
    host="sip:sbc.carrier.example:5070;transport=tcp",
    register=TrunkRegister(expires_s=600, retry_min_s=5, retry_max_s=300),
)
CONTACT = "sip:34911@192.0.2.1:5060"
NONCES = Nonces(b"s", 300)


def machine(secret: Secret | None = SECRET, trunk: Trunk = TRUNK) -> OutboundRegistration:
    [settings] = OutboundSettings.from_config("carrier", trunk, secret)
    return OutboundRegistration(settings, secret, b"seed" * 4)


def header(request: RegisterRequest, name: str) -> str:
    return dict(request.headers)[name]


def credentials(request: RegisterRequest, name: str = "Authorization") -> Credentials:
    return Credentials.parse(header(request, name))


def ok(expires: int | None = None, *contacts: str) -> Response:
    headers = [("Contact", contact) for contact in contacts]
    return Response.build(200, headers=[*headers, *([] if expires is None else [("Expires", str(expires))])])


def challenge(
    realm: str = "carrier",
    *,
    status: int = 401,
    nonce: str = "n",
    stale: bool = False,
    algorithm: str = "MD5",
) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    value = Challenge(realm=realm, nonce=nonce, algorithm=algorithm, qop=("auth",), stale=stale)
    return Response.build(status, headers=[(name, str(value))])


def started(registration: OutboundRegistration, now: float = 0) -> RegisterRequest:
    request = registration.tick(now, CONTACT)
    assert request is not None
    return request


def registered(now: float = 0) -> tuple[OutboundRegistration, RegisterRequest]:
    registration = machine()
    first = started(registration, now)
    second = registration.response(challenge(), first.cseq, now)
    assert second is not None
    assert registration.response(ok(600), second.cseq, now) is None
    return registration, second


def test_first_request() -> None:
    registration = machine()
    assert registration.next_deadline() == 0 and registration.state == "idle"
    request = started(registration)
    assert str(request.destination) == "sip:sbc.carrier.example:5070;transport=tcp"
    assert str(request.uri) == "sip:sbc.carrier.example:5070"
    assert header(request, "To") == "<sip:34911@sbc.carrier.example:5070>"
    assert header(request, "From").startswith("<sip:34911@sbc.carrier.example:5070>;tag=")
    assert header(request, "Contact") == f"<{CONTACT}>" and header(request, "Expires") == "600"
    assert header(request, "CSeq") == "1 REGISTER" and "Authorization" not in dict(request.headers)
    assert registration.state == "registering" and registration.next_deadline() is None
    assert registration.tick(1000, CONTACT) is None, "one at a time"


def test_settings() -> None:
    named = Trunk(host="sip:h", register=TrunkRegister(server="sip:reg.h;transport=tcp", aor="sip:me@domain"))
    [settings] = OutboundSettings.from_config("t", named, None)
    assert (str(settings.server), str(settings.aor)) == ("sip:reg.h;transport=tcp", "sip:me@domain")
    assert str(started(machine(None, named)).uri) == "sip:domain"
    with pytest.raises(UnusableError):
        OutboundSettings.from_config("t", Trunk(host="nonsense", register=TrunkRegister()), None)
    assert OutboundSettings.from_config("t", Trunk(host="sip:h"), None) == ()


def test_each_of_several_registrars_has_its_own() -> None:
    named = Trunk(host="sip:h", register=TrunkRegister(server=("sip:one", "sip:two:5070")))
    found = OutboundSettings.from_config("t", named, None)
    assert [(str(each.server), str(each.aor)) for each in found] == [
        ("sip:one", "sip:t@one"),
        ("sip:two:5070", "sip:t@two:5070"),
    ]


@pytest.mark.parametrize("status", [401, 407])
def test_challenge_is_answered_at_once(status: int) -> None:
    registration = machine()
    first = started(registration)
    second = registration.response(challenge(status=status), first.cseq, 0)
    assert second is not None and second.cseq == 2
    given = credentials(second, "Authorization" if status == 401 else "Proxy-Authorization")
    hashes = {"MD5": Secret.from_password("34911", "carrier", "pw").ha1_md5}
    assert verify(given, "REGISTER", hashes) and (given.nc, given.uri) == ("00000001", str(second.uri))
    assert header(second, "Call-ID") == header(first, "Call-ID") and header(second, "From") == header(
        first, "From"
    )


def test_refresh_at_half_with_the_nonce_in_hand() -> None:
    registration, second = registered()
    assert registration.state == "registered" and registration.next_deadline() == 300
    assert registration.is_registered(599) and not registration.is_registered(600)
    assert registration.tick(299, CONTACT) is None
    refresh = started(registration, 300)
    assert registration.state == "refreshing" and registration.is_registered(300)
    again = credentials(refresh)
    assert (again.nonce, again.nc) == ("n", "00000002") and again.cnonce != credentials(second).cnonce
    stale = registration.response(challenge(nonce="m", stale=True), refresh.cseq, 300)
    assert stale is not None and (credentials(stale).nonce, credentials(stale).nc) == ("m", "00000001")
    registration.response(ok(600), stale.cseq, 300)
    assert registration.state == "registered" and registration.next_deadline() == 600


def test_a_registrar_that_forgot_its_nonces() -> None:
    registration, _ = registered()
    refresh = started(registration, 300)
    again = registration.response(challenge(nonce="m"), refresh.cseq, 300)
    assert again is not None and credentials(again).nonce == "m"


def test_wrong_password_is_tried_once_and_then_backed_off() -> None:
    registration = machine()
    first = started(registration)
    second = registration.response(challenge(nonce="1"), first.cseq, 0)
    assert second is not None
    assert registration.response(challenge(nonce="2"), second.cseq, 0) is None
    assert (registration.state, registration.reason) == ("waiting", "401 Unauthorized")
    assert registration.next_deadline() == 5


def test_endless_stale_is_no_endless_loop() -> None:
    registration = machine()
    request: RegisterRequest | None = started(registration)
    sent = 0
    while request is not None:
        sent += 1
        request = registration.response(challenge(nonce=str(sent), stale=True), request.cseq, 0)
    assert sent == 4 and registration.state == "waiting"


def test_the_second_algorithm_is_tried_when_the_first_fails() -> None:
    both = Response.build(
        401,
        headers=[
            (
                "WWW-Authenticate",
                str(Challenge(realm="carrier", nonce="a", algorithm=algorithm, qop=("auth",))),
            )
            for algorithm in ("SHA-256", "MD5")
        ],
    )
    registration = machine()
    second = registration.response(both, started(registration).cseq, 0)
    assert second is not None and credentials(second).algorithm == "SHA-256"
    third = registration.response(both, second.cseq, 0)
    assert third is not None and credentials(third).algorithm == "MD5"
    assert registration.response(both, third.cseq, 0) is None


def test_no_secret_for_a_second_realm_or_without_one() -> None:
    registration, _ = registered()
    refresh = started(registration, 300)
    assert registration.response(challenge("elsewhere", nonce="x"), refresh.cseq, 300) is None
    assert registration.state == "waiting" and registration.is_registered(300)
    plain = machine(None)
    assert plain.response(challenge(), started(plain).cseq, 0) is None and plain.state == "waiting"


def test_too_brief_is_asked_again_with_what_is_wanted() -> None:
    registration = machine()
    first = started(registration)
    brief = Response.build(423, headers=[("Min-Expires", "1800")])
    second = registration.response(brief, first.cseq, 0)
    assert second is not None and header(second, "Expires") == "1800"
    assert registration.response(brief, second.cseq, 0) is None, "it does not mean what it says"
    for value in ("", "x", "9" * 30, "60"):
        other = machine()
        assert (
            other.response(Response.build(423, headers=[("Min-Expires", value)]), started(other).cseq, 0)
            is None
        )
        assert other.reason == "423 Interval Too Brief"


def test_back_off_doubles_up_to_its_limit_and_starts_over() -> None:
    registration, now, pauses = machine(), 0.0, []
    for _ in range(9):
        request = started(registration, now)
        registration.failed("no answer", request.cseq, now)
        deadline = registration.next_deadline()
        assert deadline is not None
        pauses.append(deadline - now)
        now = deadline
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    registration.response(ok(600), started(registration, now).cseq, now)
    assert registration.reason == ""
    request = started(registration, now + 300)
    registration.failed("no answer", request.cseq, now + 300)
    assert registration.next_deadline() == now + 305


@pytest.mark.parametrize(
    ("value", "pause"),
    [("60", 60), ("120 (maintenance);duration=3", 120), ("2", 5), ("x", 5), ("9" * 30, 3600)],
)
def test_retry_after(value: str, pause: float) -> None:
    registration = machine()
    registration.response(
        Response.build(503, headers=[("Retry-After", value)]), started(registration).cseq, 0
    )
    assert registration.next_deadline() == pause and registration.reason == "503 Service Unavailable"


@pytest.mark.parametrize(
    ("response", "refresh_at"),
    [
        (ok(), 300),
        (ok(100), 50),
        (ok(100, f"<{CONTACT}>;expires=40"), 20),
        (ok(100, "<sip:another@h>;expires=8", f"<{CONTACT};transport=udp>;expires=40"), 20),
        (ok(None, "<sip:another@h>;expires=8"), 300),
        (ok(2), 5),
        (ok(None, f"<{CONTACT}>;expires=x"), 300),
        (ok(999999999), 43200),
    ],
)
def test_granted_time(response: Response, refresh_at: float) -> None:
    registration = machine()
    registration.response(response, started(registration).cseq, 0)
    assert registration.next_deadline() == refresh_at


def test_nothing_granted_is_a_failure() -> None:
    registration = machine()
    registration.response(ok(0), started(registration).cseq, 0)
    assert (registration.state, registration.reason) == ("waiting", "no time was granted")


def test_late_answers_count_for_nothing() -> None:
    registration = machine()
    first = started(registration)
    second = registration.response(challenge(), first.cseq, 0)
    assert second is not None
    assert registration.response(ok(600), first.cseq, 0) is None and registration.state == "registering"
    registration.failed("late", first.cseq, 0)
    assert registration.state == "registering"
    registration.response(ok(600), second.cseq, 0)
    registration.failed("late", second.cseq, 0)
    assert registration.state == "registered"


def test_taking_it_back() -> None:
    registration, _ = registered()
    request = registration.stop(10)
    assert request is not None and header(request, "Expires") == "0" and registration.state == "removing"
    again = registration.response(challenge(nonce="z", stale=True), request.cseq, 10)
    assert again is not None and header(again, "Expires") == "0"
    assert registration.response(ok(600), again.cseq, 10) is None
    assert registration.state == "stopped" and not registration.is_registered(10)
    assert registration.next_deadline() is None and registration.tick(1e9, CONTACT) is None


def test_stopping_what_is_not_registered() -> None:
    idle = machine()
    assert idle.stop(0) is None and idle.state == "stopped" and idle.tick(0, CONTACT) is None
    waiting = machine()
    waiting.failed("x", started(waiting).cseq, 0)
    assert waiting.stop(1) is None and waiting.state == "stopped"
    asking = machine()
    started(asking)
    request = asking.stop(0)
    assert request is not None and asking.state == "removing", "the answer to the first may still grant it"
    asking.failed("no answer", request.cseq, 0)
    assert asking.state == "stopped"
    held, _ = registered()
    held.failed("x", started(held, 300).cseq, 300)
    assert held.state == "waiting" and held.stop(301) is not None and held.state == "removing"
    lapsed, _ = registered()
    assert lapsed.stop(601) is None and lapsed.state == "stopped"


def test_the_table_names_states_that_exist() -> None:
    states = {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values())
    assert states == {"idle", "registering", "registered", "refreshing", "waiting", "removing", "stopped"}
    assert not [key for key in TRANSITIONS if key[0] == "stopped"]
    assert repr(machine()) == "<OutboundRegistration carrier idle>"
