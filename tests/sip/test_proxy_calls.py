"""Proves proxied calls: requests of the dialog follow Record-Route to the other side and to nobody else, the ACK of a 2xx
goes end to end, the listener hears what happens, the response that ends a call waits until it is written down, and a dialog
that nobody ends is given up. A strict router's request is put right.
"""

import pytest
from proxied import PROXY, Party, ProxyWorld, own_routes, target

TO = f"sip:1002@{PROXY}"


class Talk:
    """A call from alice to bob that was answered."""

    def __init__(self, *, session_expires: str = "") -> None:
        self.world = ProxyWorld()
        self.alice = self.world.alice
        self.bob = self.world.phone(1)
        self.alice.request("INVITE", TO)
        self.bob.respond(self.bob.last("INVITE"), 180)
        extra = (f"Session-Expires: {session_expires}",) if session_expires else ()
        self.bob.respond(self.bob.last("INVITE"), 200, headers=extra)
        self.answer = self.alice.responses[-1]
        self.routes = tuple(reversed(own_routes(self.answer)))
        self.to = self.answer.headers.get("To") or ""
        [self.watch] = self.world.policy.watches

    def from_alice(self, method: str, cseq: int = 2, *, uri: str = "", **more: object) -> None:
        target = uri or f"sip:phone1@{self.bob.address}:5060"
        headers = ("Max-Forwards: 70", *(f"Route: {route}" for route in self.routes))
        self.alice.request(method, target, cseq=cseq, to=self.to, **{"headers": headers, **more})  # type: ignore[arg-type]

    def from_bob(self, method: str, cseq: int = 1, **more: object) -> None:
        asked = next(one for one in self.bob.requests if one.method == "INVITE")
        headers = ("Max-Forwards: 70", *(f"Route: {route}" for route in own_routes(asked)))
        self.bob.request(
            method,
            "sip:alice@192.0.2.10:5060",
            cseq=cseq,
            from_=f"{asked.headers.get('To')};tag=phone1",
            to=asked.headers.get("From") or "",
            **{"headers": headers, **more},  # type: ignore[arg-type]
        )


def test_a_call_from_end_to_end() -> None:
    talk = Talk()
    talk.from_alice("ACK", 1)
    ack = talk.bob.last("ACK")
    assert "Route" not in ack.headers and str(ack.uri) == f"sip:phone1@{talk.bob.address}:5060"
    assert [via.host for via in ack.vias] == [PROXY, talk.alice.address]
    talk.from_bob("BYE")
    assert talk.alice.last("BYE").max_forwards == 69
    talk.alice.respond(talk.alice.last("BYE"), 200)
    assert talk.bob.statuses[-1] == 200
    assert talk.watch.heard == ["ringing endpoint:1002", "answered endpoint:1002", "over callee 200"]
    talk.world.at_rest()


def test_the_same_ack_has_the_same_branch() -> None:
    talk = Talk()
    talk.from_alice("ACK", 1, branch="z9hG4bKsame")
    talk.from_alice("ACK", 1, branch="z9hG4bKsame")
    first, second = [one for one in talk.bob.requests if one.method == "ACK"]
    assert first.top_via.branch == second.top_via.branch


def test_info_update_and_reinvite_follow_both_ways() -> None:
    talk = Talk()
    talk.from_alice("ACK", 1)
    for number, method in enumerate(("INFO", "UPDATE", "INVITE", "MESSAGE", "FOO"), 2):
        talk.from_alice(method, number)
        talk.bob.respond(talk.bob.last(method), 200)
        assert talk.alice.responses[-1].cseq.method == method and talk.alice.statuses[-1] == 200
        talk.from_bob(method, number)
        assert talk.alice.last(method).cseq.number == number
        talk.alice.respond(talk.alice.last(method), 200)
    assert len(talk.world.policy.calls) == 1, "a re-INVITE is no new call"


def test_whatever_the_request_uri_and_route_say_it_goes_to_the_other_side() -> None:
    talk = Talk()
    victim = Party(talk.world, "203.0.113.5", name="victim")
    talk.from_alice("INFO", 2, uri="sip:x@203.0.113.5")
    talk.from_alice(
        "INFO",
        3,
        headers=("Max-Forwards: 70", *(f"Route: {r}" for r in talk.routes), "Route: <sip:203.0.113.5;lr>"),
    )
    assert not victim.raw and len([one for one in talk.bob.requests if one.method == "INFO"]) == 2


@pytest.mark.parametrize("method", ["INVITE", "BYE", "INFO", "MESSAGE", "REFER", "NOTIFY", "UPDATE", "FOO"])
def test_a_forged_tag_reaches_nobody(method: str) -> None:
    talk = Talk()
    before = len(talk.bob.raw)
    eve = Party(talk.world, "203.0.113.6", name="eve")
    for to, tag in ((f"<{TO}>;tag=guess", "alice"), (talk.to, "guess"), (f"<{TO}>;tag=guess", "guess")):
        eve.request(method, f"sip:phone1@{talk.bob.address}", to=to, from_=f"<sip:a@b>;tag={tag}", cseq=9)
    assert eve.statuses == [481] * 3 and len(talk.bob.raw) == before


def test_hops_and_proxy_require_count_inside_too() -> None:
    talk = Talk()
    routes = tuple(f"Route: {route}" for route in talk.routes)
    talk.from_alice("INFO", 2, headers=("Max-Forwards: 0", *routes))
    talk.from_alice("INFO", 3, headers=("Max-Forwards: 9", "Proxy-Require: magic", *routes))
    assert talk.alice.statuses[-2:] == [483, 420]


def test_a_strict_router_before_us_is_put_right() -> None:
    talk = Talk()
    [ours] = talk.routes
    target = f"sip:phone1@{talk.bob.address}:5060"
    talk.from_alice("INFO", 2, uri=ours.strip("<>"), headers=("Max-Forwards: 70", f"Route: <{target}>"))
    info = talk.bob.last("INFO")
    assert str(info.uri) == target and "Route" not in info.headers


def test_the_answer_to_the_bye_waits_until_the_call_is_written_down() -> None:
    talk = Talk()
    talk.watch.hold = True
    talk.from_alice("BYE", 2)
    talk.bob.respond(talk.bob.last("BYE"), 200)
    assert talk.alice.statuses[-1] == 200 and talk.alice.responses[-1].cseq.method == "INVITE"
    [let_go] = talk.watch.held
    let_go()
    talk.world.run(0.1)
    assert talk.alice.responses[-1].cseq.method == "BYE"


def test_byes_that_cross_both_get_through() -> None:
    talk = Talk()
    talk.from_alice("BYE", 2, seconds=0.0)
    talk.from_bob("BYE", 1, seconds=0.1)
    talk.bob.respond(talk.bob.last("BYE"), 200)
    talk.alice.respond(talk.alice.last("BYE"), 200)
    assert (talk.alice.statuses[-1], talk.bob.statuses[-1]) == (200, 200)
    assert talk.watch.heard[-1] == "over caller 200" and len(talk.watch.endings) == 1


def test_a_challenged_bye_ends_nothing() -> None:
    talk = Talk()
    talk.from_alice("BYE", 2)
    talk.bob.respond(talk.bob.last("BYE"), 407)
    assert talk.alice.statuses[-1] == 407 and not talk.watch.endings


def test_a_silent_phone_still_ends_the_call() -> None:
    talk = Talk()
    talk.from_alice("BYE", 2)
    talk.world.run(40.0)
    assert talk.watch.heard[-1] == "over caller 200"


@pytest.mark.parametrize(("status", "heard"), [(486, "over callee 486"), (603, "over callee 603")])
def test_a_refused_call_is_over(status: int, heard: str) -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    world.alice.request("INVITE", TO)
    bob.respond(bob.last("INVITE"), status)
    assert world.policy.watches[0].heard == [heard]


def test_a_cancelled_call_is_over_by_the_caller() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    branch = world.alice.request("INVITE", TO)
    bob.respond(bob.last("INVITE"), 180)
    world.alice.request("CANCEL", TO, branch=branch, headers=("Max-Forwards: 70", "Reason: SIP;cause=200"))
    assert bob.last("CANCEL").headers.get("Reason") == "SIP;cause=200"
    bob.respond(bob.last("INVITE"), 487)
    assert world.policy.watches[0].heard == ["ringing endpoint:1002", "over caller 487"]


def test_a_caller_who_tries_again_in_the_same_dialog_has_a_new_call() -> None:
    world = ProxyWorld()
    bob = world.phone(1)
    world.alice.request("INVITE", TO)
    bob.respond(bob.last("INVITE"), 488)
    world.alice.request("INVITE", TO, cseq=2)
    bob.respond(bob.last("INVITE"), 200)
    world.alice.request("ACK", TO, cseq=2, to=world.alice.responses[-1].headers.get("To") or "")
    assert bob.last("ACK").cseq.number == 2 and "Via" in bob.last("ACK").headers
    assert [watch.heard[-1] for watch in world.policy.watches] == [
        "over callee 488",
        "answered endpoint:1002",
    ]
    world.run(40.0)
    assert len(world.core.calls) == 1, "the end of the first forgets only the first"


def test_a_session_timer_that_runs_out_ends_it_and_a_refresh_keeps_it() -> None:
    talk = Talk(session_expires="90;refresher=uac")
    talk.world.run(100.0)
    talk.from_alice("UPDATE", 2)
    talk.bob.respond(talk.bob.last("UPDATE"), 200, headers=("Session-Expires: 90",))
    talk.world.run(100.0)
    assert not talk.watch.endings
    talk.world.run(60.0)
    [ending] = talk.watch.endings
    assert ending.expired and ending.by == "switch"
    talk.world.at_rest()


def test_a_call_without_a_timer_is_given_up_after_a_day() -> None:
    talk = Talk()
    talk.world.run(86000.0)
    assert not talk.watch.endings
    talk.world.run(500.0)
    assert [ending.expired for ending in talk.watch.endings] == [True]


def test_a_callee_whose_connection_is_gone_is_430() -> None:
    world = ProxyWorld()
    bob = Party(world, "192.0.2.40", name="bob", transport="tcp")
    world.policy.targets["1002"] = (target("sip:1002@192.0.2.40:5060;transport=tcp"),)
    world.alice.request("INVITE", TO)
    bob.respond(bob.last("INVITE"), 200)
    world.proxy.not_connected.add(bob.place)
    world.alice.request(
        "INFO", "sip:bob@192.0.2.40", cseq=2, to=world.alice.responses[-1].headers.get("To") or ""
    )
    assert world.alice.statuses[-1] == 430
