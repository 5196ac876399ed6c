"""Proves `sips:` by RFC 5630 between our stacks, against messages made by hand, in registrar and proxy, in virtual time.

| section | rule | test |
| --- | --- | --- |
| 4 | every request of a call goes over TLS, and both Contacts are `sips:` | test_a_call_by_sips... |
| 4 | nothing for a `sips:` leaves in clear, whoever asks for it | test_nothing_leaves_in_clear... |
| 5.1.1 | Route values become `sips:` | test_routes... |
| 5.1.1 | a `sips:` top Route goes over TLS and wants a `sips:` Contact | test_a_top_route... |
| 5.1.1.2, 5.1.2 | a dialog made by `sips:` stays so through target refreshes | test_a_dialog_stays... |
| 5.1.2 | `sips:` that came in clear 400 | test_what_came... |
| 5.1.2 | Contact by Request-URI, top Record-Route, Contact | test_our_contact... |
| 5.2 | a `sips:` Contact over TLS and by a Path of TLS only, else 400 | test_a_sips_contact_is_taken... |
| 5.2 | one address of record for both schemes | test_one_address... |
| 5.2.1 | the GRUU has the Contact's scheme | test_a_gruu... |
| 5.3 | no way down: 480 with Warning 380; no way up; 3xx not followed across | test_a_proxy... |
| 3.1.4 | `transport=tls` is deprecated, and taken | test_transport_tls_is_taken |

That whole calls are refused, and real sockets, are in `tests/interop/test_sips.py`; names in `test_resolver.py`.
"""

import pytest
from proxied import PROXY, Party, ProxyWorld, target

from softswitch.ids import EndpointName
from softswitch.sip.address import Address
from softswitch.sip.dialog import Dialog
from softswitch.sip.invite_plan import InviteWay, plan_invite
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.registrar import Registrar, RegistrarSettings
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

BOB = "sips:bob@192.0.2.2"
CLEAR, TLS = Source("udp", "192.0.2.7", 5060), Source("tls", "192.0.2.7", 40000)


def secure_pair(world: StackWorld) -> tuple[StackPeer, StackPeer]:
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    alice.listen_tls()
    bob.listen_tls()
    return alice, bob


def transports(world: StackWorld) -> set[str]:
    return {packet.receiver.transport for packet in world.network.packets}


def contact_of(message: Request | Response) -> Uri:
    return message.contacts[0].uri


# --- calls --------------------------------------------------------------------------------------------------------------


def test_a_call_by_sips_goes_over_tls_from_its_first_request_to_its_last() -> None:
    world = StackWorld()
    alice, bob = secure_pair(world)
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call(BOB)
    world.run(1.0)
    other = bob.calls[0]
    assert call.session.state == other.session.state == "confirmed"
    for one, far in ((call, other), (other, call)):
        one.session.reinvite(lambda: description(4002))
        world.run(0.1)
        far.session.accept_reoffer(description(5002))
        world.run(0.1)
    call.session.hangup()
    world.run(1.0)
    assert transports(world) == {"tls"}
    parsed = [parse_message(packet.data) for packet in world.network.packets]
    shown = [contact_of(one) for one in parsed if one.contacts]
    assert len(shown) >= 6 and {uri.scheme for uri in shown} == {"sips"}
    assert {uri.transport for uri in shown} == {""}, "transport=tls is deprecated"
    assert {one.uri.scheme for one in parsed if isinstance(one, Request)} == {"sips"}


def test_a_call_by_sip_over_tls_shows_sip() -> None:
    world = StackWorld()
    alice, bob = secure_pair(world)
    bob.on_call = lambda call: call.session.answer(description(5000))
    alice.call("sip:bob@192.0.2.2:5061;transport=tls")
    world.run(1.0)
    assert transports(world) == {"tls"}
    parsed = [parse_message(packet.data) for packet in world.network.packets]
    assert {contact_of(one).scheme for one in parsed if one.contacts} == {"sip"}


def test_transport_tls_is_taken() -> None:
    world = StackWorld()
    alice, bob = secure_pair(world)
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call(f"{BOB};transport=tls")
    world.run(1.0)
    assert call.session.state == "confirmed" and transports(world) == {"tls"}
    assert alice.call(f"{BOB};transport=udp").session.state == "terminated"


def test_nothing_leaves_in_clear_whoever_asks_for_it() -> None:
    world = StackWorld()
    alice = world.peer("192.0.2.1")
    heard: list[str] = []
    for method in ("OPTIONS", "NOTIFY", "REGISTER", "MESSAGE"):
        alice.stack.request_outside(
            method,
            request_uri=Uri.parse(BOB),
            destination=Source("udp", "192.0.2.2", 5060),
            headers=(
                ("From", "<sip:a@x>;tag=1"),
                ("To", f"<{BOB}>"),
                ("Call-ID", method),
                ("CSeq", f"1 {method}"),
            ),
            on_response=lambda response, now: heard.append("response"),
            on_failure=lambda cause, now: heard.append(cause),
        )
    world.run(1.0)
    assert heard == ["transport"] * 4 and world.network.packets == []
    call = alice.call(BOB)
    alice.names["proxy.example.com"] = Source("udp", "192.0.2.9", 5060)
    aimed = alice.call("sips:bob@proxy.example.com")
    world.run(40.0)
    assert call.kinds() == aimed.kinds() == ["Refused"] and world.network.packets == []


# --- dialogs ------------------------------------------------------------------------------------------------------------


def invite(uri: str = BOB, **headers: str) -> Request:
    fields = {
        "Via": "SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1",
        "From": "<sips:alice@192.0.2.1>;tag=a",
        "To": f"<{uri}>",
        "Call-ID": "c",
        "CSeq": "1 INVITE",
        "Contact": "<sips:alice@192.0.2.1>",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.build("INVITE", uri, headers=[(name, value) for name, value in fields.items() if value])


def answered(request: Request, contact: str, *routes: str) -> Dialog:
    headers = (("Contact", contact), *(("Record-Route", route) for route in routes))
    return Dialog.of_caller(request, make_response(request, 200, to_tag="b", headers=headers))


@pytest.mark.parametrize(
    "route", ["<sip:proxy.example.com;lr>", "<sip:proxy.example.com>", "<sips:proxy.example.com;lr>"]
)
def test_routes_of_a_dialog_by_sips_are_sips(route: str) -> None:
    dialog = answered(invite(), "<sip:bob@192.0.2.2>", route)
    bye = dialog.request("BYE", via="SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK2")
    first = dialog.first_hop()
    assert first is not None and first.scheme == "sips"
    assert bye.uri.scheme == "sips" and {each.uri.scheme for each in bye.routes} == {"sips"}


@pytest.mark.parametrize("calling", [True, False])
def test_a_peer_behind_an_edge_that_ends_tls_is_still_reached(calling: bool) -> None:
    """Its Contact is `sips:`, and who record-routes talks to us in clear: nobody asked for the dialog by `sips:`."""
    edge, contact = "<sip:edge.example.com;lr>", "<sips:bob@198.51.100.7>"
    asked = invite("sip:bob@192.0.2.2", Record_Route=edge, Contact=contact)
    dialog = answered(invite("sip:bob@192.0.2.2"), contact, edge) if calling else Dialog.of_callee(asked, "b")
    bye = dialog.request("BYE", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    first = dialog.first_hop()
    assert first is not None and str(first) == "sip:edge.example.com;lr"
    assert str(bye.uri) == "sips:bob@198.51.100.7" and not dialog.state.secure

    world = StackWorld()
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call("sip:bob@192.0.2.2")
    world.run(1)
    state = call.session.dialog.state
    state.remote_target, state.route_set = "sips:bob@198.51.100.7", ("<sip:192.0.2.2;lr>",)
    call.session.hangup()
    world.run(1)
    assert any(packet.data.startswith(b"BYE sips:bob@198.51.100.7 ") for packet in world.network.packets)


def test_a_contact_of_sips_without_an_edge_is_not_reached_in_clear() -> None:
    world = StackWorld()
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call("sip:bob@192.0.2.2")
    world.run(1)
    call.session.dialog.state.remote_target = "sips:bob@nowhere.invalid"
    call.session.hangup()
    world.run(1)
    assert not any(
        packet.data.startswith(b"BYE") and packet.receiver.transport != "tls"
        for packet in world.network.packets
    )


def test_a_dialog_stays_what_it_was_asked_for_by() -> None:
    called, calling = (
        answered(invite(), "<sip:bob@192.0.2.2>"),
        Dialog.of_callee(invite(Contact="<sip:alice@192.0.2.1>"), "b"),
    )
    for dialog in (called, calling):
        assert dialog.state.remote_target.startswith("sips:")
        dialog.refresh_target(invite(Contact="<sip:moved@192.0.2.3;transport=tls>"))
        assert dialog.state.remote_target == "sips:moved@192.0.2.3;transport=tls"
    plain = answered(invite("sip:bob@192.0.2.2"), "<sip:bob@192.0.2.2>", "<sip:proxy.example.com;lr>")
    plain.refresh_target(invite(Contact="<sip:moved@192.0.2.3>"))
    assert plain.state.remote_target == "sip:moved@192.0.2.3"
    assert plain.state.route_set == ("<sip:proxy.example.com;lr>",)


@pytest.mark.parametrize(
    ("target_uri", "proxy", "hop", "route", "secure"),
    [
        ("sips:1@a.example", None, "sips:1@a.example", (), True),
        ("sips:1@a.example", "sip:p.example", "sips:p.example", ("<sips:p.example;lr>",), True),
        ("sip:1@a.example", "sips:p.example", "sips:p.example", ("<sips:p.example;lr>",), True),
        ("sip:1@a.example", "sip:p.example", "sip:p.example", ("<sip:p.example;lr>",), False),
    ],
)
def test_a_top_route_of_sips_goes_over_tls_and_wants_such_a_contact(
    target_uri: str, proxy: str | None, hop: str, route: tuple[str, ...], secure: bool
) -> None:
    way = InviteWay(proxy=Uri.parse(proxy) if proxy is not None else None)
    address = Address.parse(f"<{target_uri}>")
    plan = plan_invite(
        address.uri, call_id="c", local_tag="t", from_=address, to=address, sdp=description(), headers=(),
        connected=lambda place: True, invite_way=way,
    )  # fmt: skip
    assert (str(plan.next_hop), plan.route, plan.secure) == (hop, route, secure)
    assert str(plan.request_uri) == target_uri, "a sip: is not made a sips:, nor the other way"


# --- what comes in --------------------------------------------------------------------------------------------------------


def received(source: Source, request: Request) -> tuple[list[Response], list[Call]]:
    """What is answered to it at once, and the calls that it made."""
    world = StackWorld()
    bob = world.peer("192.0.2.2")
    bob.listen_tls()
    got: list[Response | Request] = []
    world.network.attach(source, lambda data, sender, now: got.append(parse_message(data)))
    bob.on_call = lambda call: call.session.ring(180)
    bob.perform(bob.stack.receive(request.to_bytes(), source, world.now))
    world.run(0.1)
    return [one for one in got if isinstance(one, Response)], bob.calls


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER"])
def test_what_came_in_clear_for_a_sips_is_refused(method: str) -> None:
    request = invite()
    request.method = method
    request.headers.set("CSeq", f"1 {method}")
    [refusal], calls = received(CLEAR, request)
    assert (refusal.status, refusal.reason, calls) == (400, "SIPS Needs TLS", [])


@pytest.mark.parametrize(
    ("uri", "contact", "record_route", "scheme"),
    [
        (BOB, "sips:alice@192.0.2.7", "", "sips"),
        (BOB, "sip:alice@192.0.2.7", "<sip:edge.example;lr>", "sips"),
        ("sip:bob@192.0.2.2", "sips:alice@192.0.2.7", "", "sips"),
        ("sip:bob@192.0.2.2", "sip:alice@192.0.2.7", "<sips:edge.example;lr>", "sips"),
        ("sip:bob@192.0.2.2", "sips:alice@192.0.2.7", "<sip:edge.example;lr>", "sip"),
        ("sip:bob@192.0.2.2", "sip:alice@192.0.2.7", "", "sip"),
    ],
)
def test_our_contact_is_sips_by_request_uri_top_record_route_or_contact(
    uri: str, contact: str, record_route: str, scheme: str
) -> None:
    request = invite(uri, Contact=f"<{contact}>", Record_Route=record_route)
    responses, [_] = received(TLS, request)
    assert contact_of(responses[-1]).scheme == scheme
    in_clear, calls = received(CLEAR, invite(uri, Contact=f"<{contact}>", Record_Route=record_route))
    assert (in_clear[-1].status, len(calls)) == ((400, 0) if scheme == "sips" else (180, 1))


# --- registering ----------------------------------------------------------------------------------------------------------


def register(
    registrar: Registrar, source: Source, uri: str, to: str, contact: str, *headers: str, cseq: int = 1
) -> Response:
    lines = [
        f"REGISTER {uri} SIP/2.0", "Via: SIP/2.0/TLS a;branch=z9hG4bK1", f"From: <{to}>;tag=1", f"To: <{to}>",
        "Call-ID: c", f"CSeq: {cseq} REGISTER", f"Contact: {contact}", *headers, "Content-Length: 0", "", "",
    ]  # fmt: skip
    request = parse_message("\r\n".join(lines).encode())
    assert isinstance(request, Request)
    return registrar.register(request, EndpointName("1001"), source, 0.0, to_tag="t").response


@pytest.mark.parametrize(
    ("source", "uri", "to", "contact", "path", "status"),
    [
        (TLS, "sips:x.example", "sips:1001@x.example", "<sips:1001@192.0.2.7>", "", 200),
        (TLS, "sips:x.example", "sip:1001@x.example", "<sips:1001@192.0.2.7>", "Path: <sips:edge.example;lr>", 200),
        (TLS, "sip:x.example", "sip:1001@x.example", "<sips:1001@192.0.2.7>", "", 200),
        (TLS, "sips:x.example", "sips:1001@x.example", "<sips:1001@192.0.2.7>", "Path: <sip:edge.example;lr>", 400),
        (TLS, "sips:x.example", "sips:1001@x.example", "<sip:1001@192.0.2.7>", "", 200),
        (TLS, "sip:x.example", "sip:1001@x.example", "<sips:1001@192.0.2.7>", "Path: <sip:edge.x;transport=tls;lr>", 200),
        (TLS, "sip:x.example", "sip:1001@x.example", "<sip:1001@192.0.2.7;transport=tls>", "", 200),
        (CLEAR, "sips:x.example", "sips:1001@x.example", "<sips:1001@192.0.2.7>", "", 400),
        (CLEAR, "sip:x.example", "sip:1001@x.example", "<sips:1001@192.0.2.7>;expires=0", "", 200),
    ],
)  # fmt: skip
def test_a_sips_contact_is_taken_over_tls_and_by_a_path_of_sips(
    source: Source, uri: str, to: str, contact: str, path: str, status: int
) -> None:
    registrar = Registrar(RegistrarSettings())
    headers = (path, "Supported: path") if path else ()
    assert register(registrar, source, uri, to, contact, *headers).status == status
    assert len(registrar.bindings(EndpointName("1001"), 0.0)) == int(
        status == 200 and "expires=0" not in contact
    )


def test_one_address_of_record_in_both_schemes() -> None:
    registrar = Registrar(RegistrarSettings(domains=frozenset({"x.example"})))
    secure = ("sips:x.example", "sips:1001@x.example", "<sips:1001@192.0.2.7>")
    plain = ("sip:x.example", "sip:1001@x.example", "<sip:1001@192.0.2.8>")
    assert register(registrar, TLS, *secure).status == register(registrar, TLS, *plain, cseq=2).status == 200
    assert len(registrar.bindings(EndpointName("1001"), 0.0)) == 2
    canonical = {
        Uri.parse(text).canonical_aor() for text in ("sips:1001@X.example", "sip:1001@x.example;a=b")
    }
    assert len(canonical) == 1


def test_a_gruu_has_the_scheme_of_its_contact() -> None:
    instance = '+sip.instance="<urn:uuid:1>"'
    for scheme, uri in (("sips", "sips:x.example"), ("sip", "sip:x.example")):
        contact = f"<{scheme}:1001@192.0.2.7>;{instance}"
        told = register(
            Registrar(RegistrarSettings()), TLS, uri, f"{scheme}:1001@x.example", contact, "Supported: gruu"
        )
        assert f'pub-gruu="{scheme}:1001@x.example;gr=urn:uuid:1"' in (told.headers.get("Contact") or "")


# --- passing on -----------------------------------------------------------------------------------------------------------


class SecureWorld(ProxyWorld):
    """The proxy, alice over TLS, and a phone over TLS; one more in clear."""

    def __init__(self) -> None:
        super().__init__()
        self.proxy.listen_tls()
        self.secure = Party(self, "192.0.2.11", name="alice", port=5061, transport="tls")
        self.bob = Party(self, "192.0.2.21", name="bob", port=5061, transport="tls")
        self.plain = Party(self, "192.0.2.22", name="plain")

    def reaches(self, *targets: str) -> None:
        self.policy.targets["1002"] = tuple(map(target, targets))


SECURE, PLAIN = "sips:1002@192.0.2.21", "sip:1002@192.0.2.22"


def test_a_proxy_passes_a_sips_on_to_sips_alone() -> None:
    world = SecureWorld()
    world.reaches(PLAIN, SECURE)
    world.secure.request("MESSAGE", f"sips:1002@{PROXY}:5061")
    assert [str(one.uri) for one in world.bob.requests] == [SECURE]
    assert world.plain.raw == [], "no last hop in clear"


@pytest.mark.parametrize("method", ["MESSAGE", "INVITE"])
def test_a_proxy_that_reaches_nobody_so_says_480_with_a_warning(method: str) -> None:
    world = SecureWorld()
    world.reaches(PLAIN, "sip:1002@192.0.2.21:5061;transport=tls")
    world.secure.request(method, f"sips:1002@{PROXY}:5061")
    refusal = world.secure.responses[-1]
    assert (refusal.status, refusal.headers.get("Warning")) == (480, '380 softswitch "SIPS Not Allowed"')
    assert world.plain.raw == world.bob.raw == []


def test_a_proxy_calls_nobody_by_sips_who_was_asked_for_by_sip() -> None:
    world = SecureWorld()
    world.reaches(SECURE)
    world.alice.request("MESSAGE", f"sip:1002@{PROXY}")
    [copy] = world.bob.requests
    assert str(copy.uri) == "sip:1002@192.0.2.21", "over TLS all the same"


@pytest.mark.parametrize(
    ("asked", "contact", "followed"),
    [
        (f"sips:1002@{PROXY}:5061", "<sip:1003@192.0.2.22>", False),
        (f"sips:1002@{PROXY}:5061", "<sips:1003@192.0.2.21>", True),
        (f"sip:1002@{PROXY}", "<sips:1003@192.0.2.21>", False),
    ],
)
def test_a_proxy_follows_no_redirection_across_the_schemes(asked: str, contact: str, followed: bool) -> None:
    world = SecureWorld()
    world.reaches(SECURE)
    world.policy.may_redirect = {"1003"}
    caller = world.secure if asked.startswith("sips") else world.alice
    caller.request("INVITE", asked)
    world.bob.respond(world.bob.last("INVITE"), 302, headers=(f"Contact: {contact}",))
    assert [one.uri.user for one in world.bob.requests if one.method == "INVITE"][1:] == (
        ["1003"] if followed else []
    )
    assert world.plain.raw == []
