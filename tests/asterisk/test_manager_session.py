"""Proves of the manager interface, bytes in and bytes out: log-in plain and by MD5 challenge (against Python's own
hashlib), what happens to those who cannot, masks of events, lists with their end and ActionID, that nothing can be done
through it, that no value breaks a message and no client makes it keep more than its bounds.

Does not prove what clients of others make of it: tests/interop/test_feeds.py has two of them.
"""

import hashlib

import pytest

from softswitch.asterisk.centre import Channel, EntryInfo, MemberInfo, QueueInfo
from softswitch.asterisk.manager_message import Action, ActionReader, TooMuch, message
from softswitch.asterisk.manager_session import Account, ManagerSession
from softswitch.ids import AgentId, CallId, QueueName

SALES = QueueName("sales")
CALLER = Channel(name="PJSIP/north-L1", unique_id="C1", linked_id="C1", state=6, number="+34600", exten="600")
ANA = MemberInfo(
    queue=SALES,
    agent=AgentId("ana"),
    name="Ana",
    interface="PJSIP/1001",
    penalty=2,
    calls=7,
    last_call=1_780_000_000,
    last_pause=0,
    login=1_779_990_000,
    in_call=False,
    status=1,
    paused=True,
    reason="lunch",
    wrapup_s=5,
)
QUEUE = QueueInfo(
    queue=SALES,
    max=0,
    strategy="leastrecent",
    hold_s=12,
    talk_s=90,
    completed=8,
    abandoned=2,
    service_level_s=20,
    in_level=6,
    lost_in_level=1,
    weight=0,
    members=(ANA,),
    entries=(EntryInfo(queue=SALES, position=1, channel=CALLER, wait_s=3, priority=0),),
)


class Centre:
    """A contact centre with one queue, one agent and one caller."""

    def queues(self, only: str = "") -> tuple[QueueInfo, ...]:
        return (QUEUE,) if only in ("", "sales") else ()

    def members_of(self, agent: AgentId) -> tuple[MemberInfo, ...]:
        return (ANA,)

    def member(self, queue: QueueName, agent: AgentId) -> MemberInfo:
        return ANA

    def caller(self, call: CallId) -> Channel:
        return CALLER

    def agent_channel(self, call: CallId, agent: AgentId) -> Channel:
        return CALLER

    def other(self, call: CallId) -> Channel:
        return CALLER

    def waiting(self, queue: QueueName) -> int:
        return 1

    def channels(self) -> tuple[Channel, ...]:
        return (CALLER,)

    def uptime_s(self) -> float:
        return 60.0

    def reloaded_s(self) -> float:
        return 30.0


BOARD = Account("board", "s3cret")


def session(account: Account | None = BOARD) -> ManagerSession:
    return ManagerSession(Centre(), lambda: account, "123456789", lambda: 1.5)


def ask(client: ManagerSession, **fields: str) -> list[dict[str, str]]:
    client.received("".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n")
    answers = []
    while (answer := client.answer()) is not None:
        answers += [
            dict(
                line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in each.splitlines()
            )
            for each in answer.decode().split("\r\n\r\n")
            if each
        ]
    return answers


def logged_in(events: str = "on") -> ManagerSession:
    client = session()
    ask(client, Action="Login", Username="board", Secret="s3cret", Events=events)
    return client


def test_plain_log_in_with_its_action_id_and_the_event_after_it() -> None:
    client = session()
    welcome, booted = ask(client, Action="login", ActionID="7", Username="board", Secret="s3cret")
    assert welcome == {"Response": "Success", "ActionID": "7", "Message": "Authentication accepted"}
    assert (booted["Event"], booted["Uptime"], booted["LastReload"]) == ("FullyBooted", "60", "30")
    assert client.logged_in and client.wants("agent") and client.wants("call")


def test_log_in_by_challenge() -> None:
    client = session()
    [given] = ask(client, Action="Challenge", AuthType="MD5")
    key = hashlib.md5((given["Challenge"] + "s3cret").encode()).hexdigest()
    [welcome] = ask(client, Action="Login", AuthType="MD5", Username="board", Key=key, Events="off")
    assert welcome["Response"] == "Success" and not client.wants("agent")


@pytest.mark.parametrize(
    "fields",
    [
        {"Username": "board", "Secret": "wrong"},
        {"Username": "other", "Secret": "s3cret"},
        {"Username": "board"},
        {"Username": "board", "AuthType": "MD5"},
        # the right key of a challenge that was never given
        {"Username": "board", "AuthType": "MD5", "Key": hashlib.md5(b"123456789s3cret").hexdigest()},
    ],
)
def test_who_cannot_log_in_is_closed(fields: dict[str, str]) -> None:
    client = session()
    [answer] = ask(client, Action="Login", **fields)
    assert answer == {"Response": "Error", "Message": "Authentication failed"}
    assert client.closing and client.failed and not client.logged_in


def test_nobody_logs_in_where_no_secret_is_configured() -> None:
    client = session(None)
    [answer] = ask(client, Action="Login", Username="", Secret="")
    assert answer["Response"] == "Error" and client.closing


def test_nothing_before_the_log_in_and_nothing_is_ever_done() -> None:
    client = session()
    [answer] = ask(client, Action="QueueStatus")
    assert answer == {"Response": "Error", "Message": "Permission denied"}
    client = logged_in()
    for action in ("QueuePause", "Originate", "Command", "Hangup", "QueueAdd", "Setvar"):
        [answer] = ask(client, Action=action, Queue="sales", Interface="PJSIP/1001")
        assert answer["Response"] == "Error" and "read-only" in answer["Message"]
    [answer] = ask(client, Action="Nonsense")
    assert "Invalid/unknown command" in answer["Message"]
    [answer] = ask(client, ActionID="1")
    assert answer["Message"] == "Missing action in request"


@pytest.mark.parametrize(
    ("mask", "wanted"),
    [
        ("on", {"agent", "call", "system"}),
        ("off", set()),
        ("call,agent", {"agent", "call"}),
        ("AGENT, dialplan", {"agent"}),
        ("log", set()),
    ],
)
def test_masks_of_events(mask: str, wanted: set[str]) -> None:
    client = logged_in("off")
    ask(client, Action="Events", EventMask=mask)
    assert {kind for kind in ("agent", "call", "system") if client.wants(kind)} == wanted


def test_status_of_queues() -> None:
    answers = ask(logged_in(), Action="QueueStatus", ActionID="a1")
    assert [each.get("Event", each.get("Response")) for each in answers] == [
        *("Success", "QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete")
    ]
    assert all(each["ActionID"] == "a1" for each in answers)
    _, params, member, entry, complete = answers
    assert (params["Calls"], params["Completed"], params["Abandoned"]) == ("1", "8", "2")
    assert (params["ServicelevelPerf"], params["ServicelevelPerf2"]) == ("75.0", "70.0")
    assert (member["Name"], member["Location"], member["Status"]) == ("Ana", "PJSIP/1001", "1")
    assert (member["Paused"], member["PausedReason"], member["Penalty"]) == ("1", "lunch", "2")
    assert (entry["Position"], entry["CallerIDNum"], entry["Wait"]) == ("1", "+34600", "3")
    assert (complete["EventList"], complete["ListItems"]) == ("Complete", "3")
    [_, complete] = ask(logged_in(), Action="QueueStatus", Queue="none")
    assert complete["ListItems"] == "0"
    alone = ask(logged_in(), Action="QueueStatus", Member="PJSIP/9")
    assert [each.get("Event") for each in alone[1:]] == ["QueueParams", "QueueStatusComplete"]


def test_summary_channels_ping_and_commands() -> None:
    client = logged_in()
    _, summary, _ = ask(client, Action="QueueSummary")
    assert (summary["LoggedIn"], summary["Available"], summary["Callers"]) == ("1", "0", "1")
    assert summary["LongestHoldTime"] == "3"
    _, channel, complete = ask(client, Action="CoreShowChannels")
    assert (channel["Channel"], channel["Linkedid"], channel["Duration"]) == (
        "PJSIP/north-L1",
        "C1",
        "00:00:00",
    )
    assert complete["Event"] == "CoreShowChannelsComplete"
    [pong] = ask(client, Action="Ping")
    assert (pong["Ping"], pong["Timestamp"]) == ("Pong", "1.500000")
    [commands] = ask(client, Action="ListCommands")
    assert {"QueueStatus", "QueueSummary", "Events", "Logoff", "Challenge"} <= set(commands)
    [bye] = ask(client, Action="Logoff")
    assert bye["Response"] == "Goodbye" and client.closing
    assert ask(client, Action="Ping") == []


def test_lines_may_end_by_lf_and_come_in_pieces() -> None:
    reader = ActionReader()
    assert reader.feed(b"\r\n\nAction: Pi") == []
    [action] = reader.feed(b"ng\nactionid: 3\n\nAct")
    assert (action.name, action.action_id, action.get("nothing")) == ("Ping", "3", "")


@pytest.mark.parametrize("data", [b"A" * 2000, b"A: 1\r\n" * 100, b"x" * 1100 + b"\r\n"])
def test_no_client_makes_it_keep_more_than_its_bounds(data: bytes) -> None:
    with pytest.raises(TooMuch):
        ActionReader().feed(data)


def test_many_actions_at_once_are_refused() -> None:
    with pytest.raises(TooMuch):
        logged_in().received(b"Action: QueueStatus\r\n\r\n" * 100)


def test_no_value_breaks_a_message() -> None:
    data = message([("CallerIDName", "a\r\nEvent: Forged\r\n\r\nb\x00"), ("X", "y" * 5000)])
    assert data.count(b"\r\n") == 3 and len(data) < 400
    assert Action((("Secret", "x"),)).get("SECRET") == "x"
    assert "s3cret" not in repr(Account("board", "s3cret"))
