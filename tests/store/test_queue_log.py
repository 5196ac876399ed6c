"""Proves that the lines of `queue_log` are those that Asterisk's documentation and source name for each verb, field by
field; that no value can break a line; that a rotated file is followed; that a file which cannot be written raises one
alarm and holds nothing up; and that the table has the same lines.

Does not prove when the calls write which line.
"""

import os
from pathlib import Path

import pytest

from softswitch.errors import UnusableError
from softswitch.ids import AgentId, CallId, QueueName
from softswitch.store import queue_log as log
from softswitch.store.queue_log_file import LOOK_S, QueueLog
from softswitch.store.rows import QueueLogRow

CALL, QUEUE, AGENT = CallId("C1"), QueueName("sales"), AgentId("ana")
PLACE = {"position": 2, "original_position": 5, "wait_s": 31.9}
TALK = {"wait_s": 31.9, "talk_s": 60.2, "original_position": 5}
ROWS = {
    "1700000000|C1|sales|NONE|ENTERQUEUE||+34600|5|Ana": log.enter_queue(
        1.7e9, CALL, QUEUE, ani="+34600", position=5, name="Ana"
    ),
    "1700000000|C1|sales|ana|CONNECT|31|L2|4": log.connect(
        1.7e9, CALL, QUEUE, AGENT, wait_s=31.9, leg="L2", ring_s=4.2
    ),
    "1700000000|C1|sales|ana|COMPLETECALLER|31|60|5": log.complete(
        1.7e9, CALL, QUEUE, AGENT, by_agent=False, **TALK
    ),
    "1700000000|C1|sales|ana|COMPLETEAGENT|31|60|5": log.complete(
        1.7e9, CALL, QUEUE, AGENT, by_agent=True, **TALK
    ),
    "1700000000|C1|sales|NONE|ABANDON|2|5|31": log.abandon(1.7e9, CALL, QUEUE, **PLACE),
    "1700000000|C1|sales|NONE|EXITWITHTIMEOUT|2|5|31": log.exit_with_timeout(1.7e9, CALL, QUEUE, **PLACE),
    "1700000000|C1|sales|NONE|EXITEMPTY|2|5|31": log.exit_empty(1.7e9, CALL, QUEUE, **PLACE),
    "1700000000|C1|sales|NONE|EXITWITHKEY|9|2|5|31": log.exit_with_key(1.7e9, CALL, QUEUE, key="9", **PLACE),
    "1700000000|C1|sales|NONE|WITHDRAW|2|5|31|why": log.withdraw(1.7e9, CALL, QUEUE, **PLACE, info="why"),
    "1700000000|C1|sales|NONE|JOINEMPTY": log.join_empty(1.7e9, CALL, QUEUE),
    "1700000000|C1|sales|ana|RINGNOANSWER|15000": log.ring_no_answer(1.7e9, CALL, QUEUE, AGENT, rang_s=15.0),
    "1700000000|C1|sales|ana|RINGCANCELED|1500": log.ring_cancelled(1.7e9, CALL, QUEUE, AGENT, rang_s=1.5),
    "1700000000|C1|sales|ana|BLINDTRANSFER|200|softswitch|31|60|5": log.blind_transfer(
        1.7e9, CALL, QUEUE, AGENT, number="200", **TALK
    ),
    "1700000000|C1|sales|ana|ATTENDEDTRANSFER|BRIDGE|C2|31|60|5": log.attended_transfer(
        1.7e9, CALL, QUEUE, AGENT, other="C2", **TALK
    ),
    "1700000000|C1|sales|ana|CALLERONHOLD": log.caller_on_hold(1.7e9, CALL, QUEUE, AGENT),
    "1700000000|C1|sales|ana|CALLEROFFHOLD|7": log.caller_off_hold(1.7e9, CALL, QUEUE, AGENT, held_s=7.7),
    "1700000000|NONE|sales|ana|ADDMEMBER|PAUSED": log.add_member(1.7e9, QUEUE, AGENT, paused=True),
    "1700000000|NONE|sales|ana|ADDMEMBER": log.add_member(1.7e9, QUEUE, AGENT),
    "1700000000|NONE|sales|ana|REMOVEMEMBER": log.remove_member(1.7e9, QUEUE, AGENT),
    "1700000000|NONE|sales|ana|PAUSE|lunch": log.pause(1.7e9, QUEUE, AGENT, reason="lunch"),
    "1700000000|NONE|sales|ana|UNPAUSE": log.unpause(1.7e9, QUEUE, AGENT),
    "1700000000|NONE|NONE|ana|PAUSEALL|lunch": log.pause_all(1.7e9, AGENT, reason="lunch"),
    "1700000000|NONE|NONE|ana|UNPAUSEALL": log.unpause_all(1.7e9, AGENT),
    "1700000000|NONE|NONE|ana|AGENTLOGIN|1001": log.agent_login(1.7e9, AGENT, endpoint="1001"),
    "1700000000|NONE|NONE|ana|AGENTLOGOFF|1001|3600": log.agent_logoff(
        1.7e9, AGENT, endpoint="1001", logged_in_s=3600.4
    ),
    "1700000000|C1|sales|NONE|FULL": log.full(1.7e9, CALL, QUEUE),
    "1700000000|C1|sales|ana|SYSCOMPAT": log.sys_compat(1.7e9, CALL, QUEUE, AGENT),
    "1700000000|C1|sales|ana|AGENTDUMP": log.agent_dump(1.7e9, CALL, QUEUE, AGENT),
    "1700000000|NONE|sales|ana|PENALTY|3": log.penalty(1.7e9, QUEUE, AGENT, penalty=3),
    "1700000000|NONE|NONE|ana|AGENTCALLBACKLOGIN|1001@softswitch": log.agent_callback_login(
        1.7e9, AGENT, endpoint="1001"
    ),
    "1700000000|NONE|NONE|ana|AGENTCALLBACKLOGOFF|1001@softswitch|60|removed": log.agent_callback_logoff(
        1.7e9, AGENT, endpoint="1001", logged_in_s=60.9, reason="removed"
    ),
    "1700000000|C1|NONE|ana|OUTCALL|ANSWER|12|0034600": log.out_call(
        1.7e9, CALL, AGENT, status="ANSWER", talk_s=12.5, number="0034600"
    ),
    "1700000000|NONE|NONE|NONE|CONFIGRELOAD": log.config_reload(1.7e9),
    "1700000000|NONE|NONE|NONE|QUEUESTART": log.queue_start(1.7e9),
}


@pytest.mark.parametrize("line", ROWS)
def test_line_is_asterisks(line: str) -> None:
    assert log.line(ROWS[line]) == line


@pytest.mark.parametrize("evil", ["a|b", "a\nb", "a\r\n1|2|3", "\0", "\x85x", "\u2028", "x" * 5000])
def test_no_value_breaks_a_line(evil: str) -> None:
    row = log.enter_queue(1.0, CallId(evil), QueueName(evil), ani=evil, position=1, name=evil)
    line = log.line(row)
    assert len(line.split("|")) == 9 and len(line.splitlines()) == 1 and len(line) < 1100


class Recorder:
    def __init__(self) -> None:
        self.rows: list[QueueLogRow] = []
        self.alarms: list[tuple[str, str | None]] = []

    def alarm(self, name: str, message: str | None) -> None:
        self.alarms.append((name, message))


def test_lines_are_visible_at_once_and_go_to_the_table(tmp_path: Path) -> None:
    seen = Recorder()
    file = QueueLog(tmp_path / "sub" / "queue_log", seen.rows.append, seen.alarm)
    for count, row in enumerate(ROWS.values(), 1):
        file.write(row)
        assert len((tmp_path / "sub" / "queue_log").read_text().splitlines()) == count
    assert (tmp_path / "sub" / "queue_log").read_text().splitlines() == list(ROWS)
    assert seen.rows == list(ROWS.values())
    file.close()


def test_rotated_file_is_followed(tmp_path: Path) -> None:
    seen, path = Recorder(), tmp_path / "queue_log"
    file = QueueLog(path, seen.rows.append, seen.alarm)
    file.write(log.queue_start(1.0))
    path.rename(tmp_path / "queue_log.1")
    file.write(log.queue_start(2.0))
    path.unlink()
    file.write(log.queue_start(3.0))
    assert (tmp_path / "queue_log.1").read_text() == "1|NONE|NONE|NONE|QUEUESTART\n"
    assert path.read_text() == "3|NONE|NONE|NONE|QUEUESTART\n"
    assert seen.alarms == []


def test_it_is_looked_for_no_more_often_than_told(tmp_path: Path) -> None:
    seen, path = Recorder(), tmp_path / "queue_log"
    file = QueueLog(path, seen.rows.append, seen.alarm)
    file.write(log.queue_start(100.0))
    path.rename(tmp_path / "queue_log.1")
    file.write(log.queue_start(100.0 + LOOK_S / 2))
    assert not path.exists() and len((tmp_path / "queue_log.1").read_text().splitlines()) == 2
    file.write(log.queue_start(100.0 + LOOK_S * 1.5))
    assert path.read_text() == "100|NONE|NONE|NONE|QUEUESTART\n"
    path.unlink()
    file.write(log.queue_start(50.0))  # the clock was set back
    assert path.read_text() == "50|NONE|NONE|NONE|QUEUESTART\n"


def test_full_disk_raises_one_alarm_and_the_table_has_all(tmp_path: Path) -> None:
    seen, path = Recorder(), tmp_path / "queue_log"
    file = QueueLog(path, seen.rows.append, seen.alarm)
    path.unlink()
    path.symlink_to("/dev/full")
    for second in range(5):
        file.write(log.queue_start(float(second)))
    assert [name for name, _ in seen.alarms] == ["queue_log"] and "No space left" in str(seen.alarms[0][1])
    assert (len(seen.rows), file.lost) == (5, 5)
    path.unlink()
    file.write(log.queue_start(9.0))
    assert seen.alarms[1:] == [("queue_log", None)]
    assert path.read_text() == "9|NONE|NONE|NONE|QUEUESTART\n"


def test_off_writes_the_table_only(tmp_path: Path) -> None:
    seen = Recorder()
    QueueLog(None, seen.rows.append, seen.alarm).write(log.queue_start(1.0))
    assert len(seen.rows) == 1 and os.listdir(tmp_path) == []  # noqa: PTH208


def test_file_that_cannot_be_written_is_named_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableError, match=r"queue_log .*: cannot be written .*set `queue_log`"):
        QueueLog(tmp_path / "file" / "queue_log", lambda _: None, lambda *_: None)
