"""Proves each row of the four transaction tables by what it does, and every timer by when it fires (RFC 3261 section 17,
RFC 6026, RFC 4320), and that messages find their transaction with and without the magic cookie.

Does not prove anything about dialogs or sessions.
"""

from dataclasses import dataclass, field

import pytest

from softswitch.sip.client_transaction import INVITE_CLIENT, NON_INVITE_CLIENT, ClientTransaction
from softswitch.sip.headers import MAX_LINES
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.server_transaction import INVITE_SERVER, NON_INVITE_SERVER, ServerTransaction
from softswitch.sip.source import Source
from softswitch.sip.timers import TimerHeap, TimerValues
from softswitch.sip.transaction import Transaction, TransactionState, cancelled_key, client_key, server_key

PEER = {kind: Source(kind, "192.0.2.9", 5060) for kind in ("udp", "tcp")}


def request(
    method: str = "INVITE", *, branch: str = "z9hG4bKone", to: str = "<sip:bob@example.com>"
) -> Request:
    message = parse_message(
        (
            f"{method} sip:bob@example.com SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch}\r\n"
            "Max-Forwards: 70\r\n"
            "Route: <sip:proxy.example.com;lr>\r\n"
            "From: <sip:alice@example.com>;tag=a\r\n"
            f"To: {to}\r\n"
            "Call-ID: one@example.com\r\n"
            f"CSeq: 7 {method}\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()
    )
    assert isinstance(message, Request)
    return message


@dataclass
class Layer:
    """A transaction's surroundings, with what it sent and told written down."""

    timers: TimerHeap = field(default_factory=TimerHeap)
    timer_values: TimerValues = field(default_factory=TimerValues)
    sent: list[tuple[float, str]] = field(default_factory=list)
    told: list[tuple[float, str]] = field(default_factory=list)
    forgotten: list[Transaction] = field(default_factory=list)
    now: float = 0.0
    last: bytes = b""

    def send(self, data: bytes, destination: Source) -> None:
        self.last = data
        line = data.partition(b"\r\n")[0].decode()
        self.sent.append((self.now, line.split()[1] if line.startswith("SIP/") else line.split()[0]))

    def forget(self, transaction: Transaction) -> None:
        self.forgotten.append(transaction)

    def run(self, until: float) -> None:
        while (at := self.timers.next_deadline()) is not None and at <= until:
            self.now = max(at, self.now)
            self.timers.fire(self.now)
        self.now = until

    def times(self, what: str) -> list[float]:
        return [round(at, 3) for at, name in self.sent if name == what]


def client(method: str = "INVITE", transport: str = "udp") -> tuple[Layer, ClientTransaction]:
    layer = Layer()
    transaction = ClientTransaction(
        request(method),
        PEER[transport],
        layer,
        on_response=lambda response, now: layer.told.append((now, str(response.status))),
        on_failure=lambda cause, now: layer.told.append((now, cause)),
    )
    transaction.start(0.0)
    return layer, transaction


def server(method: str = "INVITE", transport: str = "udp") -> tuple[Layer, ServerTransaction]:
    layer = Layer()
    asked = request(method)
    transaction = ServerTransaction(asked, server_key(asked), PEER[transport], layer, 0.0)
    transaction.on_error = lambda now: layer.told.append((now, "error"))
    return layer, transaction


def answer(transaction: ClientTransaction | ServerTransaction, status: int) -> Response:
    return make_response(transaction.request, status, to_tag="b")


CLIENT_ROWS = [
    # method, inputs, (sent, told, state)
    ("INVITE", [], ["INVITE"], [], "Calling"),
    ("INVITE", ["0.5"], ["INVITE", "INVITE"], [], "Calling"),
    ("INVITE", ["error"], ["INVITE"], ["transport"], "Terminated"),
    ("INVITE", [100], ["INVITE"], ["100"], "Proceeding"),
    ("INVITE", [100, 180, "10"], ["INVITE"], ["100", "180"], "Proceeding"),
    ("INVITE", [200], ["INVITE"], ["200"], "Accepted"),
    ("INVITE", [486], ["INVITE", "ACK"], ["486"], "Completed"),
    ("INVITE", [180, 200], ["INVITE"], ["180", "200"], "Accepted"),
    ("INVITE", [180, 486], ["INVITE", "ACK"], ["180", "486"], "Completed"),
    ("INVITE", [180, "error"], ["INVITE"], ["180"], "Proceeding"),
    ("INVITE", [180, "abandon"], ["INVITE"], ["180"], "Terminated"),
    ("INVITE", [486, 486, 180, 200], ["INVITE", "ACK", "ACK"], ["486"], "Completed"),
    ("INVITE", [486, "error"], ["INVITE", "ACK"], ["486"], "Terminated"),
    ("INVITE", [486, "31.9"], ["INVITE", "ACK"], ["486"], "Completed"),
    ("INVITE", [486, "32"], ["INVITE", "ACK"], ["486"], "Terminated"),
    ("INVITE", [200, 200, 180, 486], ["INVITE"], ["200", "200"], "Accepted"),
    ("INVITE", [200, "31.9"], ["INVITE"], ["200"], "Accepted"),
    ("INVITE", [200, "32"], ["INVITE"], ["200"], "Terminated"),
    ("OPTIONS", ["0.5"], ["OPTIONS", "OPTIONS"], [], "Trying"),
    ("OPTIONS", ["error"], ["OPTIONS"], ["transport"], "Terminated"),
    ("OPTIONS", [100], ["OPTIONS"], ["100"], "Proceeding"),
    ("OPTIONS", [100, 100, "error"], ["OPTIONS"], ["100", "100", "transport"], "Terminated"),
    ("OPTIONS", [200], ["OPTIONS"], ["200"], "Completed"),
    ("OPTIONS", [404], ["OPTIONS"], ["404"], "Completed"),
    ("OPTIONS", [100, 200], ["OPTIONS"], ["100", "200"], "Completed"),
    ("OPTIONS", [100, 404], ["OPTIONS"], ["100", "404"], "Completed"),
    ("OPTIONS", [200, 200, 404, "4.9"], ["OPTIONS"], ["200"], "Completed"),
    ("OPTIONS", [200, "5"], ["OPTIONS"], ["200"], "Terminated"),
]


@pytest.mark.parametrize(("method", "inputs", "sent", "told", "state"), CLIENT_ROWS)
def test_client_rows(method: str, inputs: list[object], sent: list[str], told: list[str], state: str) -> None:
    layer, transaction = client(method)
    for step in inputs:
        if isinstance(step, int):
            transaction.receive(answer(transaction, step), layer.now)
        elif step == "error":
            transaction.transport_failed(layer.now)
        elif step == "abandon":
            transaction.abandon(layer.now)
        else:
            layer.run(float(str(step)))
    assert [name for _, name in layer.sent] == sent
    assert [name for _, name in layer.told] == told
    assert transaction.state == state
    assert layer.forgotten == ([transaction] if state == "Terminated" else [])
    if state == "Terminated":
        assert len(layer.timers) == 0


SERVER_ROWS = [
    # method, inputs: a status is answered, "again" the request repeated
    ("INVITE", ["again"], [], [], "Proceeding"),
    ("INVITE", [100, "again"], ["100", "100"], [], "Proceeding"),
    ("INVITE", [100, 180, "again"], ["100", "180", "180"], [], "Proceeding"),
    ("INVITE", [180, "error"], ["180"], ["error"], "Proceeding"),
    ("INVITE", [200], ["200"], [], "Accepted"),
    ("INVITE", [200, "again", "ack", 486, 180], ["200"], [], "Accepted"),
    ("INVITE", [200, 200], ["200", "200"], [], "Accepted"),
    ("INVITE", [200, "error", "31.9"], ["200"], ["error"], "Accepted"),
    ("INVITE", [200, "32"], ["200"], [], "Terminated"),
    ("INVITE", [486], ["486"], [], "Completed"),
    ("INVITE", [486, "again", 200], ["486", "486"], [], "Completed"),
    ("INVITE", [486, "0.5"], ["486", "486"], [], "Completed"),
    ("INVITE", [486, "error"], ["486"], ["error"], "Completed"),
    ("INVITE", [486, "ack", "again", "4.9"], ["486"], [], "Confirmed"),
    ("INVITE", [486, "ack", "ack", "5"], ["486"], [], "Terminated"),
    ("OPTIONS", ["again"], [], [], "Trying"),
    ("OPTIONS", ["31.9"], [], [], "Trying"),
    ("OPTIONS", ["32"], [], [], "Terminated"),
    ("OPTIONS", [100, "again", 100], ["100", "100", "100"], [], "Proceeding"),
    ("OPTIONS", [100, "32"], ["100"], [], "Terminated"),
    ("OPTIONS", [100, "error"], ["100"], ["error"], "Terminated"),
    ("OPTIONS", [100, 200], ["100", "200"], [], "Completed"),
    ("OPTIONS", [100, 404], ["100", "404"], [], "Completed"),
    ("OPTIONS", [200, "again", 404], ["200", "200"], [], "Completed"),
    ("OPTIONS", [404, "31.9"], ["404"], [], "Completed"),
    ("OPTIONS", [404, "32"], ["404"], [], "Terminated"),
    ("OPTIONS", [200, "error"], ["200"], ["error"], "Terminated"),
    ("OPTIONS", [180, 408], [], [], "Trying"),
]


@pytest.mark.parametrize(("method", "inputs", "sent", "told", "state"), SERVER_ROWS)
def test_server_rows(method: str, inputs: list[object], sent: list[str], told: list[str], state: str) -> None:
    layer, transaction = server(method)
    for step in inputs:
        if isinstance(step, int):
            transaction.respond(answer(transaction, step), layer.now)
        elif step == "again":
            transaction.receive(request(method), layer.now)
        elif step == "ack":
            transaction.receive(request("ACK"), layer.now)
        elif step == "error":
            transaction.transport_failed(layer.now)
        else:
            layer.run(float(str(step)))
    assert [name for _, name in layer.sent] == sent
    assert [name for _, name in layer.told] == told
    assert transaction.state == state
    assert layer.forgotten == ([transaction] if state == "Terminated" else [])


def test_no_408_and_no_180_to_anything_but_an_invite() -> None:
    """A 408 comes too late to help anybody, and a provisional would stop what repeats the request (RFC 4320)."""
    layer, transaction = server("OPTIONS")
    for status in (180, 183, 408):
        transaction.respond(answer(transaction, status), 1.0)
        assert layer.sent == [] and not transaction.final_sent
    transaction.respond(answer(transaction, 100), 1.0)
    transaction.respond(answer(transaction, 200), 2.0)
    assert [what for _, what in layer.sent] == ["100", "200"]


def test_the_rows_above_visit_every_state_of_every_table() -> None:
    rows = {"INVITE": CLIENT_ROWS, "OPTIONS": CLIENT_ROWS}
    for table, method, cases in (
        (INVITE_CLIENT, "INVITE", rows["INVITE"]),
        (NON_INVITE_CLIENT, "OPTIONS", rows["OPTIONS"]),
        (INVITE_SERVER, "INVITE", SERVER_ROWS),
        (NON_INVITE_SERVER, "OPTIONS", SERVER_ROWS),
    ):
        reachable = {state for state, _ in table} | {after for _, after in table.values()}
        assert {TransactionState(case[4]) for case in cases if case[0] == method} == reachable


def test_timers_a_and_b_seven_invites_then_timeout() -> None:
    layer, transaction = client()
    layer.run(100.0)
    assert layer.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert layer.told == [(32.0, "timeout")]
    assert transaction.state == "Terminated"


def test_timers_e_and_f_double_to_t2_then_timeout() -> None:
    layer, _ = client("OPTIONS")
    layer.run(100.0)
    assert layer.times("OPTIONS") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert layer.told == [(32.0, "timeout")]


def test_timer_e_is_t2_in_proceeding() -> None:
    layer, transaction = client("OPTIONS")
    transaction.receive(answer(transaction, 100), 0.1)
    layer.run(10.0)
    assert layer.times("OPTIONS") == [0, 0.5, 4.5, 8.5]
    layer.run(40.0)
    assert layer.told[-1] == (32.0, "timeout")


def test_timers_g_and_h_repeat_a_refusal_eleven_times() -> None:
    layer, transaction = server()
    transaction.respond(answer(transaction, 486), 0.0)
    layer.run(100.0)
    assert layer.times("486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert layer.forgotten == [transaction]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_over_a_stream_nothing_is_repeated_but_time_still_runs_out(method: str) -> None:
    layer, _ = client(method, "tcp")
    layer.run(100.0)
    assert layer.times(method) == [0]
    assert layer.told == [(32.0, "timeout")]


@pytest.mark.parametrize(("method", "status"), [("INVITE", 486), ("OPTIONS", 200)])
def test_over_a_stream_timers_d_and_k_are_zero(method: str, status: int) -> None:
    layer, transaction = client(method, "tcp")
    transaction.receive(answer(transaction, status), 1.0)
    layer.run(1.0)
    assert transaction.state == "Terminated"


def test_over_a_stream_timers_i_and_j_are_zero_and_g_never_runs() -> None:
    layer, transaction = server("OPTIONS", "tcp")
    transaction.respond(answer(transaction, 200), 1.0)
    layer.run(1.0)
    assert transaction.state == "Terminated"
    layer, transaction = server("INVITE", "tcp")
    transaction.respond(answer(transaction, 486), 0.0)
    layer.run(31.0)
    assert layer.times("486") == [0]
    transaction.receive(request("ACK"), 31.0)
    layer.run(31.0)
    assert transaction.state == "Terminated"


def test_the_ack_of_a_failure_repeats_way_branch_and_number_and_takes_the_to_of_the_response() -> None:
    layer, transaction = client()
    transaction.receive(answer(transaction, 486), 0.0)
    ack = parse_message(layer.last)
    assert isinstance(ack, Request)
    assert ack.start_line == "ACK sip:bob@example.com SIP/2.0"
    assert ack.headers.get_all("Via") == transaction.request.headers.get_all("Via")
    assert ack.headers.get("Route") == "<sip:proxy.example.com;lr>"
    assert ack.to_tag == "b"
    assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")


def test_a_forwarded_invite_longer_than_what_is_read_has_its_failure_acknowledged_again() -> None:
    """A peer may send as many lines as we read, and a proxy adds its own to them."""
    layer, invite = Layer(), request()
    for number in range(MAX_LINES):
        invite.headers.add("X-Line", str(number))
    transaction = ClientTransaction(
        invite, PEER["udp"], layer, on_response=lambda response, now: None, on_failure=lambda cause, now: None
    )
    transaction.start(0.0)
    refusal = answer(transaction, 486)
    transaction.receive(refusal, 0.1)
    first = layer.last
    transaction.receive(refusal, 0.2)
    assert [what for _, what in layer.sent] == ["INVITE", "ACK", "ACK"]
    assert layer.last == first


def test_ack_and_cancel_find_their_invite_and_other_branches_do_not() -> None:
    invite = request()
    key = server_key(invite)
    assert server_key(request("ACK", to="<sip:bob@example.com>;tag=b")) == key
    assert cancelled_key(request("CANCEL")) == key
    assert server_key(request("CANCEL")) != key
    assert server_key(request(branch="z9hG4bKtwo")) != key
    assert client_key(make_response(invite, 180)).branch == "z9hG4bKone"
    assert client_key(make_response(invite, 180)) != client_key(make_response(request("CANCEL"), 200))


def test_without_the_magic_cookie_the_fields_of_rfc_2543_decide() -> None:
    invite = request(branch="1")
    assert server_key(request(branch="1")) == server_key(invite)
    assert server_key(request("ACK", branch="1", to="<sip:bob@example.com>;tag=b")) == server_key(invite)
    other = request(branch="1")
    other.headers.set("Call-ID", "two@example.com")
    assert server_key(other) != server_key(invite)
    assert server_key(request(branch="2")) != server_key(invite)


def test_only_the_next_of_retransmission_and_time_out_waits() -> None:
    for method, again in (("INVITE", [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]), ("OPTIONS", [0.5, 1.5, 3.5, 7.5])):
        layer, transaction = client(method)
        for at in again:
            assert len(layer.timers) == 1 and layer.timers.next_deadline() == at
            layer.run(at)
        layer.run(31.9)
        assert len(layer.timers) == 1 and layer.timers.next_deadline() == 32.0
        layer.run(32.0)
        assert layer.told == [(32.0, "timeout")] and transaction.state == "Terminated" and not layer.timers


def test_one_that_is_not_repeated_any_more_times_out_as_ever() -> None:
    layer, transaction = client()
    layer.run(2.0)
    transaction.hush()
    layer.run(40.0)
    assert layer.times("INVITE") == [0.0, 0.5, 1.5] and layer.told == [(32.0, "timeout")]


def test_those_that_only_linger_end_together() -> None:
    layer = Layer()
    for at in (0.001, 0.01, 0.06):
        asked = request("OPTIONS", branch=f"z9hG4bK{at}")
        transaction = ServerTransaction(asked, server_key(asked), PEER["udp"], layer, at)
        transaction.respond(answer(transaction, 200), at)
    layer.run(32.06)
    assert not layer.forgotten, "never sooner than the standard says"
    assert layer.timers.fire(32.0625) == 1, "one timer for all"
    assert len(layer.forgotten) == 3
