"""Proves forking (RFC 3261 sections 16.5 to 16.10): in parallel and by q, which response goes back, challenges together,
6xx, redirections, several 2xx, CANCEL in all its orders, timer C, silence, Max-Breadth, a dead flow's spare.
"""

from dataclasses import replace

import pytest
from proxied import PROXY, Party, ProxyWorld

from softswitch.ids import EndpointName
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.registrar import Binding
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.testing.network import losing_first

TO = f"sip:1002@{PROXY}"


def finals(world: ProxyWorld) -> list[int]:
    return [status for status in world.alice.statuses if status >= 200]


def acknowledge(world: ProxyWorld, branch: str) -> None:
    """The ACK of a failure, hop by hop."""
    tag = world.alice.responses[-1].headers.get("To") or ""
    world.alice.request("ACK", TO, cseq=1, branch=branch, to=tag)


def invite(world: ProxyWorld, **more: object) -> str:
    return world.alice.request("INVITE", TO, **more)  # type: ignore[arg-type]


def cancel(world: ProxyWorld, branch: str) -> None:
    world.alice.request("CANCEL", TO, branch=branch)


def test_all_of_one_preference_ring_at_once_and_the_first_2xx_cancels_the_rest() -> None:
    world = ProxyWorld()
    first, second = world.phone(1), world.phone(2)
    invite(world)
    first.respond(first.last("INVITE"), 180)
    second.respond(second.last("INVITE"), 180)
    first.respond(first.last("INVITE"), 200)
    assert [status for status in world.alice.statuses if status > 100] == [180, 180, 200]
    second.respond(second.last("CANCEL"), 200)
    second.respond(second.last("INVITE"), 487)
    assert second.last("ACK").method == "ACK", "a failure is acknowledged here, hop by hop"
    assert finals(world) == [200] and not [one for one in first.requests if one.method == "CANCEL"]


def test_lower_preferences_follow_when_the_higher_have_failed() -> None:
    world = ProxyWorld()
    first, second, third = world.phone(1, q=0.9), world.phone(2, q=0.2), world.phone(3, q=0.2)
    branch = invite(world)
    assert first.raw and not second.raw and not third.raw
    first.respond(first.last(), 480)
    assert second.raw and third.raw
    second.respond(second.last("INVITE"), 486)
    assert finals(world) == []
    third.respond(third.last("INVITE"), 404)
    assert len(finals(world)) == 1 and finals(world)[0] in (404, 486)
    acknowledge(world, branch)
    world.at_rest()


@pytest.mark.parametrize(
    ("answers", "best"),
    [
        ((486, 480), 486),
        ((503, 486), 486),
        ((503, 503), 500),
        ((404, 401), 401),
        ((404, 484), 484),
        ((302, 486), 302),
        ((500, 603), 603),
        ((408, 486), 486),
        ((415, 488), 415),
        ((430, 430), 480),
    ],
)
def test_the_best_response_goes_back(answers: tuple[int, int], best: int) -> None:
    world = ProxyWorld()
    phones = world.phone(1), world.phone(2)
    branch = invite(world)
    for phone, status in zip(phones, answers, strict=True):
        phone.respond(phone.last("INVITE"), 180)
        extra = ('WWW-Authenticate: Digest realm="x", nonce="n"',) if status == 401 else ()
        phone.respond(phone.last("INVITE"), status, headers=extra)
    for phone in phones:
        if any(one.method == "CANCEL" for one in phone.requests):
            phone.respond(phone.last("INVITE"), 487)
    assert finals(world) == [best]
    acknowledge(world, branch)
    world.at_rest()


def test_challenges_of_all_branches_go_back_together() -> None:
    world = ProxyWorld()
    first, second = world.phone(1), world.phone(2)
    world.alice.request("MESSAGE", TO)
    first.respond(first.last(), 401, headers=('WWW-Authenticate: Digest realm="one", nonce="1"',))
    second.respond(second.last(), 407, headers=('Proxy-Authenticate: Digest realm="two", nonce="2"',))
    [answer] = world.alice.responses
    assert answer.status == 401
    assert "one" in (answer.headers.get("WWW-Authenticate") or "")
    assert "two" in (answer.headers.get("Proxy-Authenticate") or "")


def test_a_6xx_ends_the_search_and_waits_for_the_others_to_end() -> None:
    world = ProxyWorld()
    first, second, never = world.phone(1), world.phone(2), world.phone(3, q=0.1)
    branch = invite(world)
    second.respond(second.last(), 180)
    first.respond(first.last("INVITE"), 603)
    assert finals(world) == [] and second.last("CANCEL").cseq.method == "CANCEL"
    second.respond(second.last("INVITE"), 487)
    assert finals(world) == [603] and not never.raw
    acknowledge(world, branch)
    world.at_rest()


def test_every_2xx_goes_back_and_repeats_too() -> None:
    world = ProxyWorld()
    first, second = world.phone(1), world.phone(2)
    invite(world)
    for phone in (first, second):
        phone.respond(phone.last("INVITE"), 180)
    asked = second.last("INVITE")
    first.respond(first.last("INVITE"), 200)
    second.respond(asked, 200)
    first.respond(first.last("INVITE"), 200)
    assert finals(world) == [200, 200, 200]
    assert {one.to_tag for one in world.alice.responses if one.status == 200} == {"phone1", "phone2"}


def test_a_message_gets_one_answer_whatever_the_others_say() -> None:
    world = ProxyWorld()
    first, second = world.phone(1), world.phone(2)
    world.alice.request("MESSAGE", TO)
    first.respond(first.last(), 200)
    second.respond(second.last(), 200)
    assert world.alice.statuses == [200]
    world.at_rest()


# --- redirections ---------------------------------------------------------------------------------------------------


def test_a_redirection_to_a_phone_of_ours_is_followed_and_not_told() -> None:
    world = ProxyWorld()
    first = world.phone(1)
    third = Party(world, "192.0.2.33", name="third")
    world.policy.may_redirect = {"1003"}
    invite(world)
    first.respond(first.last(), 302, headers=("Contact: <sip:1003@192.0.2.33:5060>",))
    third.respond(third.last("INVITE"), 200)
    assert finals(world) == [200]


def test_a_redirection_to_anybody_else_goes_back_to_the_caller() -> None:
    world = ProxyWorld()
    first = world.phone(1)
    victim = Party(world, "203.0.113.5", name="victim")
    branch = invite(world)
    first.respond(first.last(), 302, headers=("Contact: <sip:+900123@203.0.113.5>",))
    assert finals(world) == [302] and not victim.raw
    acknowledge(world, branch)
    world.at_rest()


def test_two_that_redirect_to_each_other_are_asked_once() -> None:
    world = ProxyWorld()
    first = world.phone(1)
    third = Party(world, "192.0.2.33", name="third")
    world.policy.may_redirect = {"1002", "1003"}
    branch = invite(world)
    first.respond(first.last(), 302, headers=("Contact: <sip:1003@192.0.2.33:5060>",))
    third.respond(third.last(), 302, headers=(f"Contact: <sip:1002@{first.address}:5060>",))
    assert finals(world) == [302]
    acknowledge(world, branch)
    world.at_rest()


# --- CANCEL ---------------------------------------------------------------------------------------------------------


def test_cancel_is_answered_here_and_goes_to_every_branch() -> None:
    world = ProxyWorld()
    phones = world.phone(1), world.phone(2)
    branch = invite(world)
    for phone in phones:
        phone.respond(phone.last("INVITE"), 180)
    cancel(world, branch)
    assert 200 in world.alice.statuses
    for phone in phones:
        copy = phone.last("CANCEL")
        assert copy.top_via.branch == phone.last("INVITE").top_via.branch and len(copy.vias) == 1
        phone.respond(copy, 200)
        phone.respond(phone.last("INVITE"), 487)
    assert world.alice.statuses[-1] == 487
    acknowledge(world, branch)
    world.at_rest()


def test_cancel_waits_for_a_provisional() -> None:
    world = ProxyWorld()
    phone = world.phone(1)
    branch = invite(world)
    cancel(world, branch)
    assert [one.method for one in phone.requests if one.method == "CANCEL"] == []
    phone.respond(phone.last("INVITE"), 180)
    assert phone.last("CANCEL").method == "CANCEL"
    phone.respond(phone.last("INVITE"), 487)
    acknowledge(world, branch)
    world.at_rest()


def test_a_2xx_that_crosses_the_cancel_is_passed_on() -> None:
    world = ProxyWorld()
    phone = world.phone(1)
    branch = invite(world)
    phone.respond(phone.last("INVITE"), 180)
    asked = phone.last("INVITE")
    cancel(world, branch)
    phone.respond(asked, 200)
    assert world.alice.statuses[-1] == 200


def test_cancel_after_the_answer_means_nothing_and_of_nothing_is_481() -> None:
    world = ProxyWorld()
    phone = world.phone(1)
    branch = invite(world)
    phone.respond(phone.last("INVITE"), 200)
    cancel(world, branch)
    assert not [one for one in phone.requests if one.method == "CANCEL"]
    cancel(world, "z9hG4bKnobody")
    assert world.alice.statuses[-1] == 481


def test_a_cancelled_call_is_not_tried_further() -> None:
    world = ProxyWorld()
    first, never = world.phone(1), world.phone(2, q=0.1)
    branch = invite(world)
    first.respond(first.last("INVITE"), 180)
    cancel(world, branch)
    first.respond(first.last("INVITE"), 487)
    assert world.alice.statuses[-1] == 487 and not never.raw
    acknowledge(world, branch)
    world.at_rest()


# --- time -----------------------------------------------------------------------------------------------------------


def test_timer_c_cancels_what_rings_for_ever() -> None:
    world = ProxyWorld()
    phone = world.phone(1)
    branch = invite(world)
    phone.respond(phone.last("INVITE"), 180)
    world.run(170.0)
    phone.respond(phone.last("INVITE"), 180)
    world.run(170.0)
    assert not [one for one in phone.requests if one.method == "CANCEL"], "each provisional starts it anew"
    world.run(20.0)
    assert phone.last("CANCEL").method == "CANCEL"
    phone.respond(phone.last("INVITE"), 487)
    assert world.alice.statuses[-1] == 487
    acknowledge(world, branch)
    world.at_rest()


def test_a_cancelled_branch_that_never_answers_is_given_up() -> None:
    world = ProxyWorld()
    phone = world.phone(1)
    branch = invite(world)
    phone.respond(phone.last("INVITE"), 180)
    cancel(world, branch)
    world.run(33.0)
    assert world.alice.statuses[-1] == 487
    acknowledge(world, branch)
    world.at_rest()


def test_silence_is_408_for_a_call_and_nothing_for_a_message() -> None:
    world = ProxyWorld()
    world.phone(1)
    branch = invite(world)
    world.run(33.0)
    assert finals(world)[0] == 408
    acknowledge(world, branch)
    before = len(world.alice.raw)
    world.alice.request("MESSAGE", TO, call_id="two")
    world.run(40.0)
    assert len(world.alice.raw) == before, "RFC 4320: it would come too late to be of use"
    world.at_rest()


def test_requests_are_repeated_to_the_phone_and_absorbed_from_the_caller() -> None:
    world = ProxyWorld(losing_first("MESSAGE sip:1002@192.0.2.21"))
    phone = world.phone(1)
    branch = world.alice.request("MESSAGE", TO)
    world.alice.request("MESSAGE", TO, branch=branch)
    assert phone.raw == []
    world.run(1.0)
    assert len(phone.raw) == 1
    phone.respond(phone.last(), 200)
    assert world.alice.statuses == [200]


# --- breadth and flows ----------------------------------------------------------------------------------------------


def test_no_more_branches_at_once_than_max_breadth() -> None:
    world = ProxyWorld()
    phones = [world.phone(number) for number in (1, 2, 3)]
    world.alice.request("MESSAGE", TO, headers=("Max-Forwards: 70", "Max-Breadth: 2"))
    assert [bool(phone.raw) for phone in phones] == [True, True, False]
    assert [phone.last().headers.get("Max-Breadth") for phone in phones[:2]] == ["1", "1"]
    for phone in phones[:2]:
        phone.respond(phone.last(), 480)
    assert phones[2].last().headers.get("Max-Breadth") == "2"


def flow(number: int, place: Source) -> Binding:
    return Binding(
        endpoint=EndpointName("1002"),
        contact=Uri.parse("sip:1002@192.0.2.50:5060;transport=tcp;ob"),
        source=place,
        expires=1e9,
        call_id="r",
        cseq=1,
        instance=f"<urn:uuid:1>;reg-id={number}",
    )


def two_flows(world: ProxyWorld) -> tuple[Party, Party]:
    one = Party(world, "192.0.2.50", name="one", port=6001, transport="tcp")
    two = Party(world, "192.0.2.50", name="two", port=6002, transport="tcp")
    target = ProxyTarget(where=flow(1, one.place), party="endpoint:1002", spare=(flow(2, two.place),))
    world.policy.targets["1002"] = (target,)
    return one, two


def test_one_flow_is_used_and_the_other_when_it_is_dead() -> None:
    world = ProxyWorld()
    one, two = two_flows(world)
    world.alice.request("MESSAGE", TO)
    assert one.raw and not two.raw
    world.proxy.not_connected.add(one.place)
    world.alice.request("MESSAGE", TO, call_id="two")
    assert len(one.raw) == 1 and two.raw
    two.respond(two.last(), 200)
    assert world.alice.statuses == [200]


def test_an_edge_that_answers_430_leads_to_the_other_flow() -> None:
    world = ProxyWorld()
    one, two = two_flows(world)
    world.alice.request("MESSAGE", TO)
    one.respond(one.last(), 430)
    two.respond(two.last(), 202)
    assert world.alice.statuses == [202]


def test_all_flows_dead_is_480() -> None:
    world = ProxyWorld()
    one, two = two_flows(world)
    world.proxy.not_connected |= {one.place, two.place}
    branch = invite(world)
    assert finals(world) == [480]
    acknowledge(world, branch)
    world.at_rest()


def test_a_name_is_walked_place_by_place() -> None:
    world = ProxyWorld()
    dead, alive = Party(world, "192.0.2.61", name="dead"), Party(world, "192.0.2.62", name="alive")
    world.proxy.names["phones.example"] = (dead.place, alive.place)
    where = Uri.parse("sip:1002@phones.example;transport=udp")
    world.policy.targets["1002"] = (replace(ProxyTarget(where=where, party="endpoint:1002")),)
    branch = invite(world)
    dead.respond(dead.last(), 503)
    alive.respond(alive.last("INVITE"), 486)
    assert finals(world) == [486]
    acknowledge(world, branch)
    world.at_rest()
