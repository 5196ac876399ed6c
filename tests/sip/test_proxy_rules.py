"""Proves the rules of RFC 3261 section 16 on a bare proxy between parties who write their messages by hand: what is changed
on the way and what is not, whom it serves, loops and spirals, Route and Record-Route, strict routers.

Forking and CANCEL are in `test_proxy_forking`, calls in `test_proxy_calls`.
"""

from dataclasses import replace

import pytest
from proxied import PROXY, Home, Party, Policy, ProxyWorld, own_routes, target, uri_of

from softswitch.ids import EndpointName
from softswitch.sip.message import make_response
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.registrar import Binding
from softswitch.sip.uri import Uri

ODD = (
    "X-Odd:   spaces  kept\t ",
    "x-LOWER-and-Upper:yes",
    "s: compact subject",
    "X-Folded: one\r\n two",
    "X-Bytes: \udcff\udcfe ö",
    "Max-Forwards: 70",
)


def message(world: ProxyWorld, uri: str = f"sip:1002@{PROXY}", **more: object) -> None:
    world.alice.request("MESSAGE", uri, **more)  # type: ignore[arg-type]


def test_unknown_lines_and_the_body_pass_to_the_byte() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=ODD, body=b"\0\xff raw \r\n\r\n body")
    sent = world.network.packets[0].data
    [got] = bob.raw
    head, body = got.split(b"\r\n\r\n", 1)
    assert body == sent.split(b"\r\n\r\n", 1)[1]
    for line in ODD[:-1]:
        assert line.encode("utf-8", "surrogateescape") + b"\r\n" in head + b"\r\n"
    for name in (b"From", b"To", b"Call-ID", b"CSeq", b"Contact"):
        [line] = [one for one in sent.split(b"\r\n") if one.startswith(name + b":")]
        assert line in head.split(b"\r\n")


def test_the_copy_has_our_via_one_hop_less_and_the_uri_of_its_target() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world)
    copy = bob.last("MESSAGE")
    assert str(copy.uri) == f"sip:1002@{bob.address}:5060"
    assert copy.max_forwards == 69
    assert [via.host for via in copy.vias] == [PROXY, world.alice.address]
    assert copy.vias[0].branch.startswith("z9hG4bK") and copy.vias[1].received == world.alice.address
    assert copy.headers.get("Max-Breadth") == "60"
    assert not own_routes(copy), "Record-Route is for what makes a dialog"


def test_a_response_goes_back_without_our_via_and_otherwise_to_the_byte() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world)
    bob.respond(bob.last(), 200, headers=("X-Answer:  odd ", "v2: x"))
    [answer] = world.alice.responses
    assert answer.status == 200 and answer.reason == "By phone1"
    assert [via.host for via in answer.vias] == [world.alice.address]
    assert b"X-Answer:  odd \r\n" in world.alice.raw[0]
    world.at_rest()


def test_vias_on_one_line_are_taken_apart() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world)
    copy = bob.last()
    joined = ", ".join(copy.headers.get_all("Via"))
    copy.headers.set("Via", joined)
    bob.respond(copy, 200)
    assert [len(answer.vias) for answer in world.alice.responses] == [1]


def test_without_max_forwards_70_is_given() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=())
    assert bob.last().max_forwards == 70


def test_max_forwards_used_up_is_483() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=("Max-Forwards: 0",))
    assert world.alice.statuses == [483] and not bob.raw


@pytest.mark.parametrize(("breadth", "status"), [("0", 440), ("many", 400)])
def test_max_breadth(breadth: str, status: int) -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=(f"Max-Breadth: {breadth}",))
    assert world.alice.statuses == [status] and not bob.raw


def test_an_unknown_proxy_require_is_420_and_a_require_is_none_of_our_business() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=("Proxy-Require: magic, sec-agree",))
    [refusal] = world.alice.responses
    assert refusal.status == 420 and refusal.headers.get("Unsupported") == "magic, sec-agree"
    assert not bob.raw
    message(world, headers=("Require: magic",), call_id="two")
    assert bob.last().headers.get("Require") == "magic"


def test_nobody_there_is_404_and_a_foreign_domain_too() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, f"sip:1009@{PROXY}")
    world.home.domain = "example.com"
    message(world, "sip:1002@elsewhere.example", call_id="two")
    assert world.alice.statuses == [404, 404] and not bob.raw
    message(world, "sip:1002@example.com", call_id="three")
    assert len(bob.raw) == 1


def test_whoever_proves_nothing_is_not_served() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    world.proxy.admission = lambda request, source: make_response(request, 407, to_tag="t")
    for method in ("MESSAGE", "INFO", "INVITE"):
        world.alice.request(method, f"sip:1002@{PROXY}", call_id=method)
    assert world.alice.statuses == [407, 407, 407] and not bob.raw


@pytest.mark.parametrize("method", ["NOTIFY", "PUBLISH", "BYE", "UPDATE", "PRACK", "REFER", "FOO"])
def test_other_methods_outside_dialogs_are_never_passed_on(method: str) -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    world.alice.request(method, f"sip:1002@{PROXY}")
    assert world.alice.statuses in ([481], [405]) and not bob.raw


def test_our_credentials_stay_here_and_those_of_others_go_on() -> None:
    world = ProxyWorld()
    bob = world.phone(1)

    def digest(realm: str) -> str:
        return f'Digest username="a", realm="{realm}", nonce="n", uri="sip:x", response="{"0" * 32}"'

    message(world, headers=(f"Proxy-Authorization: {digest('softswitch')}",))
    assert "Proxy-Authorization" not in bob.last().headers
    message(world, headers=(f"Authorization: {digest('elsewhere')}",), call_id="two")
    assert "elsewhere" in (bob.last().headers.get("Authorization") or "")


# --- Route ----------------------------------------------------------------------------------------------------------


def test_a_route_that_is_ours_is_taken_off_and_any_other_refused() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world, headers=(f"Route: <sip:{PROXY};lr>",))
    assert "Route" not in bob.last().headers
    victim = Party(world, "203.0.113.5", name="victim")
    message(world, headers=(f"Route: <sip:{PROXY};lr>, <sip:203.0.113.5;lr>",), call_id="two")
    message(world, headers=("Route: <sip:203.0.113.5;lr>",), call_id="three")
    assert world.alice.statuses == [403, 403]
    assert len(bob.raw) == 1 and not victim.raw


def test_an_outbound_proxy_gets_a_loose_route() -> None:
    world = ProxyWorld()
    edge = Party(world, "192.0.2.30", name="edge")
    beyond = replace(target("sip:1002@10.0.0.9"), proxy=Uri.parse("sip:192.0.2.30"))
    world.policy.targets["1002"] = (beyond,)
    message(world)
    copy = edge.last()
    assert copy.headers.get_list("Route") == ["<sip:192.0.2.30;lr>"]
    assert str(copy.uri) == "sip:1002@10.0.0.9"


@pytest.mark.parametrize(
    ("path", "uri", "routes"),
    [
        (("<sip:192.0.2.30;lr>",), "sip:1002@192.0.2.30:5070", ["<sip:192.0.2.30;lr>"]),
        (("<sip:192.0.2.30>",), "sip:192.0.2.30", ["<sip:1002@192.0.2.30:5070>"]),
    ],
)
def test_a_path_is_the_route_and_a_strict_router_in_it_gets_the_request_uri(
    path: tuple[str, ...], uri: str, routes: list[str]
) -> None:
    world = ProxyWorld()
    edge = Party(world, "192.0.2.30", name="edge")
    binding = Binding(
        endpoint=EndpointName("1002"),
        contact=Uri.parse("sip:1002@192.0.2.30:5070"),
        source=edge.place,
        expires=1e9,
        call_id="r",
        cseq=1,
        path=path,
    )
    world.policy.targets["1002"] = (ProxyTarget(where=binding, party="endpoint:1002"),)
    message(world)
    assert (str(edge.last().uri), edge.last().headers.get_list("Route")) == (uri, routes)


# --- loops ----------------------------------------------------------------------------------------------------------


def two_proxies(first: str, second: str) -> ProxyWorld:
    """Two proxies whose entries for 600 point at each other."""
    world = ProxyWorld()
    other = world.peer("192.0.2.2")
    other.admission = world.proxy.admission
    policy = Policy()
    other.stack.proxy.policy, other.stack.proxy.home = policy, Home(other)  # type: ignore[assignment]
    world.policy.targets["600"] = (target(first),)
    policy.targets["600"] = policy.targets["601"] = (target(second),)
    return world


def test_two_entries_that_point_at_each_other_are_a_loop() -> None:
    world = two_proxies("sip:600@192.0.2.2", f"sip:600@{PROXY}")
    message(world, f"sip:600@{PROXY}", seconds=2.0)
    assert world.alice.statuses == [482]
    passed = [line for line in world.network.lines() if line.startswith("MESSAGE")]
    assert len(passed) == 3, "seen when it comes back for the first time"
    world.at_rest()


def test_a_spiral_is_none() -> None:
    world = two_proxies("sip:600@192.0.2.2", f"sip:1002@{PROXY}")
    bob = world.phone(1)
    message(world, f"sip:600@{PROXY}", seconds=1.0)
    assert [via.host for via in bob.last().vias] == [PROXY, "192.0.2.2", PROXY, world.alice.address]
    bob.respond(bob.last(), 200, seconds=1.0)
    assert world.alice.statuses == [200]
    world.at_rest()


def test_a_call_may_spiral_too() -> None:
    world = two_proxies("sip:600@192.0.2.2", f"sip:1002@{PROXY}")
    bob = world.phone(1)
    world.alice.request("INVITE", f"sip:600@{PROXY}", seconds=0.5)
    assert len(own_routes(bob.last("INVITE"))) == 2, (
        "each stays in the dialog once, or its requests would circle"
    )
    bob.respond(bob.last("INVITE"), 486, seconds=1.0)
    assert world.alice.statuses[-1] == 486
    world.at_rest()


# --- Record-Route -------------------------------------------------------------


def test_record_route_is_loose_and_names_where_we_are_reached() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    world.alice.request("INVITE", f"sip:1002@{PROXY}")
    [value] = own_routes(bob.last("INVITE"))
    uri = uri_of(value)
    assert "lr" in uri.params and (uri.host, uri.port, uri.scheme) == (PROXY, 5060, "sip")


def test_two_transports_leave_two_record_routes_the_callees_on_top() -> None:
    world = ProxyWorld()
    bob = Party(world, "192.0.2.40", name="bob", transport="tcp")
    world.policy.targets["1002"] = (target("sip:1002@192.0.2.40:5060;transport=tcp"),)
    world.alice.request("INVITE", f"sip:1002@{PROXY}")
    first, second = (uri_of(value) for value in own_routes(bob.last("INVITE")))
    assert (first.transport, second.transport) == ("tcp", "")


def test_two_listeners_leave_two_record_routes() -> None:
    world = ProxyWorld()
    bob = Party(world, "192.0.2.40", name="bob", transport="tcp")
    world.home.told = {"tcp": ("10.0.0.1", 5062), "udp": (PROXY, 5060)}
    world.policy.targets["1002"] = (target("sip:1002@192.0.2.40:5060;transport=tcp"),)
    world.alice.request("INVITE", f"sip:1002@{PROXY}")
    hosts = [(uri_of(value).host, uri_of(value).port) for value in own_routes(bob.last("INVITE"))]
    assert hosts == [("10.0.0.1", 5062), (PROXY, 5060)]


# --- strays ---------------------------------------------------------------------------------------------------------


def test_strays_are_dropped() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world)
    copy = bob.last()
    copy.headers.set_first("Via", f"SIP/2.0/UDP {PROXY}:5060;branch=z9hG4bKinvented")
    bob.respond(copy, 200)
    bob.request("ACK", "sip:alice@192.0.2.10", to="<sip:alice@192.0.2.10>;tag=x", headers=())
    assert not world.alice.raw
    assert world.proxy.stack.stats.stray == 2


def test_a_response_with_our_via_alone_answers_nothing_that_was_proxied() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    message(world)
    copy = bob.last()
    copy.headers.set("Via", copy.headers.get_all("Via")[0])
    bob.respond(copy, 200)
    assert not world.alice.raw
