"""Proves what a stack answers without state and what it refuses to answer: broken and hostile requests, loops, merged
requests, rport, keep-alives, amplification, draining, too many transactions, challenges of ours and of theirs.

Requests are bytes, as a stranger would send them. Does not prove anything about sockets.
"""

import pytest

from softswitch.config.secret import Secret
from softswitch.sip.digest import Challenge
from softswitch.sip.grammar import MAX_PIECES
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.source import Source
from softswitch.sip.stack_settings import StackSettings
from softswitch.testing.network import losing_first
from softswitch.testing.stacks import StackPeer, StackWorld, description

STRANGER = Source("udp", "198.51.100.7", 5070)


def raw(
    method: str = "OPTIONS",
    *,
    uri: str = "sip:bob@192.0.2.2",
    via: str = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKraw",
    to: str = "<sip:bob@192.0.2.2>",
    extra: str = "",
    cseq: str = "",
    call_id: str = "raw",
    body: bytes = b"",
) -> bytes:
    head = (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:eve@198.51.100.7>;tag=e\r\nTo: {to}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq or f'1 {method}'}\r\nContact: <sip:eve@198.51.100.7:5070>\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Stranger:
    """Somebody who sends bytes to a stack and sees what comes back to him."""

    def __init__(self, settings: StackSettings | None = None) -> None:
        self.world = StackWorld(settings=settings)
        self.bob: StackPeer = self.world.peer("192.0.2.2")
        self.got: list[bytes] = []
        self.world.network.attach(STRANGER, lambda data, sender, now: self.got.append(data))

    def send(self, data: bytes, source: Source = STRANGER, seconds: float = 0.1) -> list[Response]:
        before = len(self.got)
        self.world.network.send(data, source, self.bob.place[source.transport], self.world.now)
        self.world.run(seconds)
        messages = [parse_message(found) for found in self.got[before:]]
        return [message for message in messages if isinstance(message, Response)]

    def statuses(self, data: bytes) -> list[int]:
        return [response.status for response in self.send(data)]


def test_options_is_answered_with_what_we_can_do() -> None:
    answer = Stranger().send(raw())[0]
    assert answer.status == 200
    assert "INVITE" in (answer.headers.get("Allow") or "")
    assert "application/sdp" in (answer.headers.get("Accept") or "")
    assert {"100rel", "path", "timer"} <= set(answer.headers.get_list("Supported"))
    assert answer.to_tag


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (raw("PUBLISH"), 405),
        (raw("MESSAGE"), 405),
        (raw("invite"), 405),
        (raw("BYE", to="<sip:bob@192.0.2.2>;tag=nobody"), 481),
        (raw("BYE"), 481),
        (raw("UPDATE", to="<sip:bob@192.0.2.2>;tag=nobody"), 481),
        (raw("INVITE", to="<sip:bob@192.0.2.2>;tag=nobody"), 481),
        (raw("CANCEL"), 481),
        (raw("INVITE", extra="Max-Forwards: 0\r\n"), 483),
        (raw("OPTIONS", extra="Max-Forwards: 0\r\n"), 200),
        (raw("OPTIONS", extra="Require: outbound, path\r\n"), 420),
        (raw("OPTIONS", extra="Max-Forwards: many\r\n"), 400),
        (raw("OPTIONS", cseq="1 INVITE"), 400),
        (raw().replace(b"Call-ID: raw\r\n", b""), 400),
        (raw("OPTIONS", cseq="4294967296 OPTIONS"), 400),
        (raw("OPTIONS", to="<sip:bob@192.0.2.2"), 400),
        (raw().replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505),
        (raw().replace(b"Content-Length: 0", b"Content-Length: 10"), 400),
        (raw("INVITE").replace(b"Contact", b"X-Contact"), 400),
    ],
)
def test_what_is_refused_and_how(data: bytes, status: int) -> None:
    stranger = Stranger()
    answers = [found for found in stranger.send(data) if found.status != 100]
    assert [found.status for found in answers] == [status]
    assert answers[0].top_via.branch == "z9hG4bKraw"
    if status == 420:
        assert answers[0].headers.get("Unsupported") == "outbound"
    if status == 405:
        assert answers[0].headers.get("Allow")


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"OPTIONS\0",
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"OPTIONS sip:bob SIP/2.0\r\n\r\n",
        raw()[:40],
        raw().replace(b"Via: SIP/2.0/UDP", b"Via: nonsense"),
        raw("ACK"),
        raw("ACK", to="<sip:bob@192.0.2.2>;tag=nobody"),
        b"SIP/2.0 200 OK\r\n" + raw().split(b"\r\n", 1)[1],
        b"SIP/2.0 200 OK\r\n\r\n",
    ],
)
def test_what_gets_no_answer_at_all(data: bytes) -> None:
    stranger = Stranger()
    assert stranger.send(data) == []
    assert stranger.bob.stack.transactions == 0
    stats = stranger.bob.stack.stats
    assert stats.unparsable + stats.stray + stats.keepalives == 1


def test_keepalives_are_answered_over_a_stream_only() -> None:
    stranger = Stranger()
    flow = Source("tcp", STRANGER.address, 40000)
    stranger.world.network.attach(flow, lambda data, sender, now: stranger.got.append(data))
    stranger.world.network.send(b"\r\n\r\n", flow, stranger.bob.place["tcp"], 0.0)
    stranger.world.network.send(b"\r\n\r\n", STRANGER, stranger.bob.place["udp"], 0.0)
    stranger.world.run(1.0)
    assert stranger.got == [b"\r\n"]


def test_rport_is_filled_in_and_answered_to_even_if_sent_by_is_right() -> None:
    via = "SIP/2.0/UDP 198.51.100.7:9999;branch=z9hG4bKr;rport"
    answer = Stranger().send(raw(via=via))[0]
    assert (answer.top_via.rport, answer.top_via.received) == (5070, "198.51.100.7")


def test_without_rport_the_port_of_sent_by_is_answered_unless_a_nat_shows() -> None:
    stranger = Stranger()
    elsewhere = Source("udp", STRANGER.address, 40000)
    stranger.send(raw(), elsewhere)
    assert len(stranger.got) == 1
    natted: list[bytes] = []
    stranger.world.network.attach(elsewhere, lambda data, sender, now: natted.append(data))
    stranger.send(raw(via="SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKn"), elsewhere)
    assert len(natted) == 1
    answer = parse_message(natted[0])
    assert answer.top_via.received == "198.51.100.7"


def test_the_address_in_via_is_never_answered() -> None:
    stranger = Stranger()
    stranger.send(raw(via="SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKv"))
    receivers = {packet.receiver.address for packet in stranger.world.network.packets[1:]}
    assert receivers == {STRANGER.address}


def test_several_vias_keep_their_order_on_one_line_and_on_many() -> None:
    one = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1;rport, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2"
    answer = Stranger().send(raw(via=one))[0]
    assert [via.branch for via in answer.vias] == ["z9hG4bK1", "z9hG4bK2"]
    assert answer.vias[0].rport == 5070
    many = one.replace(", ", "\r\nVia: ")
    answer = Stranger().send(raw(via=many))[0]
    assert [via.branch for via in answer.vias] == ["z9hG4bK1", "z9hG4bK2"]


@pytest.mark.parametrize(
    "other",
    [
        "SIP/2.0/UDP 198.51.100.7:05070;branch=z9hG4bKonce;rport",
        "SIP / 2.0 / UDP 198.51.100.7 : 5070;branch=z9hG4bKonce;rport",
        "SIP/2.0/UDP 198.51.100.7:5070;rport;branch=z9hG4bKonce",
        "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKonce",
    ],
)
def test_a_request_that_comes_again_is_known_however_its_via_is_written(other: str) -> None:
    usual = "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKonce;rport"
    for first, again in ((usual, other), (other, usual)):
        stranger = Stranger()
        trying = stranger.send(raw("INVITE", via=first))[0]
        assert (trying.status, trying.top_via.rport) == (100, 5070 if "rport" in first else None)
        assert trying.top_via.received == (STRANGER.address if "rport" in first else None)
        stranger.send(raw("INVITE", via=again))
        assert stranger.bob.stack.stats.repeated == 1


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_there_is_not_in_via_is_refused(port: str) -> None:
    stranger = Stranger()
    assert stranger.send(raw(via=f"SIP/2.0/UDP 198.51.100.7:{port};branch=z9hG4bKport;rport")) == []


def unauthenticated(request: Request, source: Source) -> Identity | Response:
    return make_response(request, 401, to_tag="challenge")


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_one_response_to_an_unauthenticated_request_in_forty_seconds(method: str) -> None:
    stranger = Stranger()
    stranger.bob.admission = unauthenticated
    data = raw(method, body=description().serialize(), extra="Content-Type: application/sdp\r\n")
    stranger.send(data, seconds=40.0)
    assert len(stranger.got) == 1
    assert len(stranger.got[0]) <= 1.5 * len(data)
    assert (stranger.bob.stack.transactions, len(stranger.bob.stack.timers)) == (0, 0)
    stranger.send(raw("ACK", to="<sip:bob@192.0.2.2>;tag=challenge", cseq="1 ACK"), seconds=40.0)
    assert len(stranger.got) == 1


def test_a_stateless_refusal_has_the_same_tag_each_time() -> None:
    stranger = Stranger()
    tags = {stranger.send(raw("PUBLISH"))[0].to_tag for _ in range(3)}
    assert len(tags) == 1


def test_a_repeated_request_is_served_once() -> None:
    stranger = Stranger()
    for _ in range(3):
        stranger.send(
            raw("INVITE", body=description().serialize(), extra="Content-Type: application/sdp\r\n")
        )
    assert len(stranger.bob.calls) == 1
    assert stranger.bob.stack.stats.repeated == 2
    assert [line.split(b"\r\n")[0] for line in stranger.got] == [b"SIP/2.0 100 Trying"] * 3


def test_calls_of_a_peer_that_gives_each_the_same_branch_are_kept_apart() -> None:
    stranger = Stranger()
    first, second = raw("INVITE", call_id="one"), raw("INVITE", call_id="two")
    for data in (first, second, first, second):
        assert stranger.statuses(data) == [100]
    assert len(stranger.bob.calls) == 2
    cancelled = stranger.send(raw("CANCEL", call_id="one"))
    assert {(response.status, response.call_id) for response in cancelled} == {(200, "one"), (487, "one")}
    assert [call.kinds() for call in stranger.bob.calls] == [["Cancelled"], []]


def test_a_merged_request_gets_482() -> None:
    stranger = Stranger()
    stranger.send(raw("INVITE"))
    other_way = raw("INVITE", via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKother")
    assert stranger.statuses(other_way) == [482]
    assert len(stranger.bob.calls) == 1


def test_our_own_invite_coming_back_is_a_loop_and_with_another_target_a_spiral() -> None:
    stranger = Stranger()
    stranger.bob.call(f"sip:eve@{STRANGER.address}:{STRANGER.port}")
    stranger.world.run(0.1)
    ours = stranger.got[0]
    back = ours.replace(b"\r\nVia: ", b"\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKp\r\nVia: ", 1)
    assert stranger.statuses(back) == [482]
    spiral = back.replace(b"INVITE sip:eve@198.51.100.7:5070 ", b"INVITE sip:bob@192.0.2.2 ").replace(
        b"z9hG4bKp", b"z9hG4bKq"
    )
    assert stranger.statuses(spiral) == [100]


def _full(via: str) -> str:
    """With as many parameters as a Via may have, so that it has one too many once we have stamped it."""
    return via + "".join(f";p{number}" for number in range(MAX_PIECES - via.count(";")))


@pytest.mark.parametrize(
    ("top", "between"),
    [
        ("SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKtop;rport", ","),
        ("SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKtop;rport", "\r\n , "),
        ("SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKtop", ", "),
        ("SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKtop;rport", "\r\nVia: "),
        ("SIP/2.0/UDP 198.51.100.7:5070;branch=old", ", "),
        (_full("SIP/2.0/UDP peer.example;branch=z9hG4bKtop"), "\r\nVia: "),
    ],
)
def test_our_via_below_another_is_a_loop_on_one_line_and_on_many(top: str, between: str) -> None:
    stranger = Stranger()
    stranger.bob.call("sip:eve@198.51.100.7:5070")
    stranger.world.run(0.1)
    invite = parse_message(stranger.got[0])
    assert isinstance(invite, Request)
    ours = invite.headers.get("Via")
    looped = raw("OPTIONS", uri=str(invite.uri), via=f"{top}{between}{ours}", call_id="looped")
    assert stranger.statuses(looped)[-1:] == [482]


def test_a_response_whose_sent_by_is_not_ours_is_dropped() -> None:
    stranger = Stranger()
    call = stranger.bob.call(f"sip:eve@{STRANGER.address}:{STRANGER.port}")
    stranger.world.run(0.1)
    invite = parse_message(stranger.got[0])
    assert isinstance(invite, Request)
    forged = make_response(invite, 486, to_tag="x")
    forged.headers.set("Via", str(invite.top_via).replace("192.0.2.2", "192.0.2.3"))
    stranger.send(forged.to_bytes())
    assert call.events == []
    doubled = make_response(invite, 486, to_tag="x")
    doubled.headers.add("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKz")
    stranger.send(doubled.to_bytes())
    assert call.events == []
    assert stranger.bob.stack.stats.stray == 2


def test_draining_refuses_new_calls_and_options_but_not_what_is_under_way() -> None:
    stranger = Stranger()
    stranger.send(raw("INVITE"))
    stranger.bob.calls[0].session.ring()
    stranger.world.run(0.1)
    stranger.bob.stack.draining = True
    answer = stranger.send(raw("INVITE", via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKn", call_id="new"))[
        0
    ]
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "5")
    assert stranger.statuses(raw(via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo")) == [503]
    assert stranger.statuses(raw("CANCEL")) == [200, 487]


def test_more_transactions_than_allowed_get_503_and_none_is_kept() -> None:
    stranger = Stranger(StackSettings(max_transactions=10))
    for number in range(50):
        via = f"SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK{number}"
        stranger.send(raw("INVITE", via=via, call_id=f"flood-{number}"))
    assert stranger.bob.stack.transactions == 10
    assert len(stranger.bob.calls) == 10
    assert stranger.bob.stack.stats.stateless[503] == 40


def test_user_agent_is_named_in_requests_and_responses() -> None:
    stranger = Stranger(StackSettings(user_agent="switch 1.0"))
    assert stranger.send(raw())[0].headers.get("Server") == "switch 1.0"
    stranger.bob.call(f"sip:eve@{STRANGER.address}:{STRANGER.port}")
    stranger.world.run(0.1)
    assert parse_message(stranger.got[-1]).headers.get("User-Agent") == "switch 1.0"


def challenging(secret: Secret, nonces: list[str], *, algorithm: str = "SHA-256"):  # type: ignore[no-untyped-def]
    """A provider that challenges each request without credentials for the newest nonce."""

    def admit(request: Request, source: Source) -> Identity | Response:
        given = request.headers.get("Authorization") or ""
        if f'nonce="{nonces[-1]}"' in given:
            return Identity("trunk", "customer")
        challenge = Challenge(realm="provider", nonce=nonces[-1], algorithm=algorithm, qop=("auth",))
        return make_response(request, 401, to_tag="c", headers=(("WWW-Authenticate", str(challenge)),))

    return admit


def test_a_challenge_of_a_trunk_with_credentials_is_answered_and_the_ack_repeats_them() -> None:
    secret = Secret.from_password("us", "provider", "pw")
    world = StackWorld()
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.admission = challenging(secret, ["n1"])
    bob.on_call = lambda call: call.session.answer(description())
    call = alice.call("sip:bob@192.0.2.2", secret=secret)
    world.run(1.0)
    assert call.kinds() == ["Answered"]
    invites = [parse_message(p.data) for p in world.network.packets if p.data.startswith(b"INVITE")]
    assert [invite.cseq.number for invite in invites] == [1, 2]
    acks = [parse_message(p.data) for p in world.network.packets if p.data.startswith(b"ACK")]
    assert acks[-1].cseq.number == 2
    assert acks[-1].headers.get("Authorization") == invites[1].headers.get("Authorization")
    assert "Authorization" not in acks[0].headers


def test_a_challenge_without_credentials_and_a_second_one_for_them_end_the_call() -> None:
    world = StackWorld()
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.admission = unauthenticated
    call = alice.call("sip:bob@192.0.2.2")
    world.run(1.0)
    assert call.kinds() == ["Refused"]
    nonces = ["n1"]

    def moody(request: Request, source: Source) -> Identity | Response:
        nonces.append(f"n{len(nonces) + 1}")
        challenge = Challenge(realm="provider", nonce=nonces[-1], algorithm="MD5", qop=("auth",))
        return make_response(request, 401, to_tag="c", headers=(("WWW-Authenticate", str(challenge)),))

    bob.admission = moody
    before = len(world.network.packets)
    again = alice.call("sip:bob@192.0.2.2", secret=Secret.from_password("us", "provider", "wrong"))
    world.run(1.0)
    assert again.kinds() == ["Refused"]
    assert sum(p.data.startswith(b"INVITE") for p in world.network.packets[before:]) == 2


def test_a_challenge_of_our_bye_in_a_callers_dialog_is_never_answered() -> None:
    """The digest leak of CVE-2021-41158."""
    stranger = Stranger()
    stranger.bob.on_call = lambda call: call.session.answer(description())
    answers = stranger.send(
        raw("INVITE", body=description().serialize(), extra="Content-Type: application/sdp\r\n")
    )
    to = answers[-1].headers.get("To") or ""
    stranger.send(raw("ACK", to=to, cseq="1 ACK", via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKack"))
    stranger.bob.calls[0].session.hangup()
    stranger.world.run(0.1)
    bye = parse_message(stranger.got[-1])
    assert isinstance(bye, Request) and bye.method == "BYE"
    challenge = Challenge(realm="r", nonce="n", algorithm="MD5", qop=("auth",))
    leak = make_response(bye, 407, headers=(("Proxy-Authenticate", str(challenge)),))
    before = len(stranger.got)
    stranger.send(leak.to_bytes(), seconds=40.0)
    assert stranger.got[before:] == []
    assert all(b"uthorization" not in packet.data for packet in stranger.world.network.packets)


def test_a_strict_router_takes_the_place_of_the_target() -> None:
    stranger = Stranger()
    stranger.bob.on_call = lambda call: call.session.answer(description())
    route = f"Record-Route: <sip:{STRANGER.address}:{STRANGER.port}>\r\nRecord-Route: <sip:second;lr>\r\n"
    extra = f"{route}Content-Type: application/sdp\r\n"
    answers = stranger.send(raw("INVITE", body=description().serialize(), extra=extra))
    assert answers[-1].headers.get_all("Record-Route") == [
        f"<sip:{STRANGER.address}:{STRANGER.port}>",
        "<sip:second;lr>",
    ]
    to = answers[-1].headers.get("To") or ""
    stranger.send(raw("ACK", to=to, cseq="1 ACK", via="SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKack"))
    stranger.bob.calls[0].session.hangup()
    stranger.world.run(0.1)
    bye = parse_message(stranger.got[-1])
    assert isinstance(bye, Request)
    assert bye.start_line == f"BYE sip:{STRANGER.address}:{STRANGER.port} SIP/2.0"
    assert bye.headers.get_list("Route") == ["<sip:second;lr>", "<sip:eve@198.51.100.7:5070>"]


def test_a_callee_behind_a_nat_is_reached_where_its_messages_come_from() -> None:
    stranger = Stranger()
    stranger.bob.on_call = lambda call: call.session.answer(description())
    data = raw(
        "INVITE",
        via="SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnat;rport",
        body=description().serialize(),
        extra="Content-Type: application/sdp\r\n",
    ).replace(b"Contact: <sip:eve@198.51.100.7:5070>", b"Contact: <sip:eve@10.0.0.5:5060>")
    answers = stranger.send(data)
    to = answers[-1].headers.get("To") or ""
    stranger.send(raw("ACK", to=to, cseq="1 ACK", via="SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKack"))
    assert stranger.bob.calls[0].session.behind_nat
    stranger.bob.calls[0].session.hangup()
    stranger.world.run(0.1)
    assert stranger.got[-1].startswith(b"BYE sip:eve@10.0.0.5:5060 ")


def test_losses_do_not_matter_to_a_challenged_call() -> None:
    secret = Secret.from_password("us", "provider", "pw")
    world = StackWorld(losing_first("SIP/2.0 401", 2))
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.admission = challenging(secret, ["n1"])
    bob.on_call = lambda call: call.session.answer(description())
    call = alice.call("sip:bob@192.0.2.2", secret=secret)
    world.run(5.0)
    assert call.kinds() == ["Answered"]
