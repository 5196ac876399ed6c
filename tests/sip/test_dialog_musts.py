"""Where each rule of dialogs, sessions, offers and answers is proven: `MUSTS` maps it to tests, and those that stand
nowhere else are here (RFC 3261 sections 12 to 15, RFC 3262, 3264, 3311, 4028, 6026, 6337).

Does not prove that the named tests are enough; only that they exist under that name.
"""

import re
from pathlib import Path

import pytest
from test_early_dialogs import calling, sdp
from test_reliable_provisional import ByHand, messages

from softswitch.sip.events import Refused
from softswitch.sip.message import Request, Response
from softswitch.testing.network import losing_first
from softswitch.testing.stacks import DESCRIPTION, StackWorld, description

MUSTS = [
    (
        "3261 9.1 CANCEL never before a provisional",
        "test_cancel_waits_for_a_provisional_then_gets_200_and_487_with_one_to_tag",
    ),
    (
        "3261 9.2 200 to CANCEL and 487 to INVITE, one To-tag",
        "test_cancel_waits_for_a_provisional_then_gets_200_and_487_with_one_to_tag",
    ),
    ("3261 9.2 CANCEL after 200 changes nothing", "test_cancel_after_our_2xx_changes_nothing"),
    (
        "3261 9.1 a 200 that crosses CANCEL: ACK and BYE",
        "test_a_2xx_that_crosses_our_cancel_is_acknowledged_and_hung_up",
    ),
    ("3261 12.1.1 Record-Route in order with unknown parameters", "test_record_route_comes_back_as_it_came"),
    (
        "3261 12.1.2 route set reversed",
        "test_the_callee_keeps_record_routes_in_order_and_the_caller_turns_them_round",
    ),
    ("3261 12.1.2 one dialog for each To-tag", "test_each_fork_is_a_dialog"),
    ("3261 12.2.1.1 strict router", "test_a_strict_router_takes_the_place_of_the_target"),
    ("3261 12.2.1.2 408, 481 end the dialog", "test_481_to_a_reinvite_ends_the_session"),
    ("3261 12.2.2 lower CSeq 500, gaps accepted", "test_a_lower_cseq_is_refused_with_500_and_a_gap_is_not"),
    ("3261 12.2.2 unknown dialog 481", "test_another_remote_tag_is_another_dialog"),
    ("3261 12.2 target refresh", "test_a_moved_contact_moves_the_target_of_what_follows"),
    ("3261 13.2.2.4 ACK per 2xx, again per repetition", "test_the_first_to_answer_wins"),
    (
        "3261 13.2.2.4 ACK with the credentials of the INVITE",
        "test_a_challenge_of_a_trunk_with_credentials_is_answered_and_the_ack_repeats_them",
    ),
    (
        "3261 13.2.2.4 forked 2xx: ACK and BYE",
        "test_a_second_2xx_from_another_fork_is_acknowledged_and_hung_up",
    ),
    (
        "3261 13.2.2.4 bad answer: ACK, then BYE",
        "test_an_answer_that_cannot_be_read_is_acknowledged_and_hung_up",
    ),
    ("3261 13.3.1.1 provisional each minute", "test_ringing_is_repeated_each_minute"),
    ("3261 13.3.1.4 2xx from T1 to T2 until ACK", "test_2xx_is_repeated_from_t1_to_t2_until_the_ack_arrives"),
    ("3261 13.3.1.4 also over TCP", "test_a_2xx_is_repeated_over_a_stream_too"),
    ("3261 13.3.1.4 no ACK: BYE", "test_2xx_whose_ack_never_comes_ends_in_bye"),
    (
        "3261 14.1 glare: 491 and retry by Call-ID ownership",
        "test_both_offer_at_once_get_491_and_the_randomised_retry_settles_it",
    ),
    ("3261 14.1 failed re-INVITE changes nothing", "test_a_refused_offer_leaves_the_call_as_it_was"),
    (
        "3261 14.2 second INVITE: 500 and Retry-After",
        "test_a_second_offer_before_the_first_is_answered_gets_500_with_retry_after",
    ),
    (
        "3261 14.2 re-INVITE without offer: the full offer",
        "test_an_invite_without_offer_gets_ours_and_the_answer_comes_in_the_ack",
    ),
    ("3261 15 no BYE before the ACK", "test_no_bye_goes_out_before_the_ack_is_in"),
    ("3261 15.1.2 BYE answers what is open with 487", "test_bye_ends_an_offer_that_is_still_open_with_487"),
    ("6026 Accepted absorbs INVITEs, 2xx reach the core", "test_client_rows", "test_server_rows"),
    ("4028 4 interval and refresher in both roles", "test_who_refreshes"),
    ("4028 5 at least 90 s, 422 with Min-SE, erratum 1687", "test_an_interval_that_is_too_small"),
    ("4028 7.3 retry after 422", "test_a_422_is_answered_with_its_min_se"),
    (
        "4028 7.4 refresh at half; UPDATE, else re-INVITE, version kept",
        "test_the_side_that_refreshes_uses_a_reinvite_where_update_is_not_allowed",
    ),
    ("4028 9 refresher kept over re-INVITEs", "test_the_refresher_stays_over_reinvites_of_either_side"),
    (
        "4028 10 expiry: BYE on both legs",
        "test_a_caller_who_loses_power",
        "test_an_agents_phone_that_loses_power",
    ),
    ("3262 3 Require honoured, several in order", "test_several_go_out_in_order"),
    (
        "3262 3 repeated, 64*T1, 5xx",
        "test_a_provisional_that_nobody_acknowledges_is_repeated_and_ends_in_504",
    ),
    ("3262 3 RAck match", "test_a_prack_that_matches_nothing"),
    ("3262 3 no 200 before the PRACK of a description", "test_the_answer_waits_for_the_prack"),
    ("3262 4 PRACK in order, gaps dropped", "test_the_caller_acknowledges_in_order"),
    ("3262 5 offer in PRACK", "test_an_offer_in_prack_is_answered_in_its_200"),
    ("3262 5 late offer in a provisional", "test_a_caller_whose_first_provisional_must_have_our_offer"),
    (
        "3311 5.2 UPDATE pending: 491, 500",
        "test_update_of_the_callee_before_his_answer_is_certain_gets_491",
        "test_update_of_the_caller_before_our_answer",
    ),
    ("3311 5 UPDATE in an early dialog", "test_update_of_the_callee_moves_his_early_media"),
    (
        "3311 5 UPDATE in a confirmed one",
        "test_update_with_an_offer_is_answered_at_once_and_without_one_by_us_alone",
    ),
    (
        "3264 6 one m-line for each, in order, port 0 refuses",
        "test_streams_are_answered_in_order_and_refused_in_place",
    ),
    ("3264 6 T.38, video and T.140 refused in place", "test_fax_video_and_text_are_refused_in_place"),
    ("3264 8 version only with changes", "test_version_rises_only_when_something_changed"),
    ("3264 8.4 hold in every spelling", "test_hold_in_every_spelling", "test_a_hold_is_a_hold"),
    (
        "3264 4 no new offer while one is open",
        "test_offers_made_while_one_is_open_wait_and_only_the_last_one_counts",
    ),
    (
        "6337 2.2 what a provisional answered for certain stays",
        "test_a_description_before_the_answer_is_acknowledged_and_not_sent_again",
    ),
    ("6337 5.3 offer during a hold", "test_a_new_invite_without_an_offer_during_a_hold"),
]


@pytest.fixture(scope="module")
def known() -> set[str]:
    root = Path(__file__).parent.parent
    files = [*(root / "sip").glob("test_*.py"), *(root / "story").glob("test_*.py")]
    return {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}


@pytest.mark.parametrize("must", MUSTS, ids=lambda must: str(must[0]))
def test_every_rule_has_a_test(must: tuple[str, ...], known: set[str]) -> None:
    assert set(must[1:]) <= known


def test_record_route_comes_back_as_it_came() -> None:
    world = StackWorld()
    bob, hand = world.peer("192.0.2.2"), ByHand(world)
    bob.on_call = lambda call: call.session.answer(description(7000))
    way = ["<sip:192.0.2.9;lr;x=1>;p=2, <sip:192.0.2.9:5060;lr;transport=udp;ftag=a>", "<sip:192.0.2.9;lr;q>"]
    extra = "".join(f"Record-Route: {each}\r\n" for each in way)
    answer = hand.send(hand.request("INVITE", 1, "", extra, DESCRIPTION), bob)[-1]
    assert answer.headers.get_all("Record-Route") == way
    hand.send(hand.request("ACK", 1, answer.to_tag), bob)
    bob.calls[0].session.hangup()
    world.run(0.1)
    bye = next(one for one in hand.got if isinstance(one, Request))
    assert ", ".join(bye.headers.get_all("Route")) == ", ".join(way)


def test_a_2xx_is_repeated_over_a_stream_too() -> None:
    """The transaction below repeats nothing over TCP: the core does."""
    world = StackWorld(losing_first("ACK", 3))
    alice, bob = world.peer("192.0.2.1"), world.peer("192.0.2.2")
    bob.on_call = lambda call: call.session.answer(description(5000))
    call = alice.call("sip:bob@192.0.2.2;transport=tcp", transport="tcp")
    world.run(10.0)
    assert len(messages(world, "INVITE", 200)) == len(messages(world, "ACK")) == 4
    assert call.session.state == bob.calls[0].session.state == "confirmed"


def test_an_answer_that_cannot_be_read_is_acknowledged_and_hung_up() -> None:
    world = StackWorld()
    alice, hand, call, invite = calling(world)
    hand.send(hand.respond(invite, 200, "one", "", b"v=1\r\nnonsense\r\n"), alice)
    asked = [one.method for one in hand.got if isinstance(one, Request)]
    assert asked == ["INVITE", "ACK", "BYE"]
    assert isinstance(call.events[-1], Refused)
    hand.send(hand.respond(invite, 200, "one", "", sdp(6000)), alice)
    acks = [one for one in hand.got if isinstance(one, Request) and one.method == "ACK"]
    assert len(acks) == 2, "also for the repetition"
    assert not [one for one in hand.got if isinstance(one, Response)]
