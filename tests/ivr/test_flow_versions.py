"""Proves: each content of a flow has a number of its own for ever; a roll back holds until the file is changed; the book is
bounded, goes to disk and back, and leaves out what cannot be read any more.

Does not prove: what calls get of it; that is `test_flow_story.py`.
"""

import json

import pytest

from softswitch.config.flow import Flow, Hangup, Menu, Play, Set
from softswitch.ivr.versions import MAX_VERSIONS, UnknownVersion, VersionBook


def flow(prompt: str = "welcome") -> Flow:
    return Flow(
        start="a",
        node={
            "a": Play(prompt=(prompt, "menu"), next="b"),
            "b": Menu(prompt="menu", keys={"1": "c"}, on_failure="d"),
            "c": Set(priority="if(true, 1, 2)", skills={"es": 3, "ro": "2"}, next="d"),
            "d": Hangup(cause="busy"),
        },
    )


def test_each_content_has_its_number() -> None:
    book = VersionBook()
    assert book.take({"main": flow()}, 1.0) == {"main": flow()}
    book.take({"main": flow()}, 2.0)
    book.take({"main": flow("closed")}, 3.0)
    assert [(each.number, each.since) for each in book.versions("main")] == [(1, 1.0), (2, 3.0)]
    book.take({"main": flow()}, 4.0)
    assert book.live("main") == 1 and len(book.versions("main")) == 2
    assert book.number_of("main", flow("closed")) == 2 and book.number_of("main", flow("x")) == 0


def test_a_roll_back_holds_until_the_file_is_changed() -> None:
    book = VersionBook()
    for prompt in ("one", "two", "three"):
        book.take({"main": flow(prompt)}, 1.0)
    assert book.before("main") == 2
    assert book.roll_back("main", 2) == flow("two")
    assert book.live("main") == 2 and book.in_file("main") == 3 and book.pinned("main")
    assert book.before("main") == 1
    assert book.take({"main": flow("three")}, 2.0) == {"main": flow("two")}
    assert book.take({"main": flow("four")}, 3.0) == {"main": flow("four")}
    assert not book.pinned("main") and book.live("main") == 4
    book.roll_back("main", 1)
    assert book.roll_back("main", 0) == flow("four") and not book.pinned("main")


def test_what_is_not_there() -> None:
    book = VersionBook()
    with pytest.raises(UnknownVersion, match="no flow 'main'"):
        book.roll_back("main", 1)
    book.take({"main": flow()}, 1.0)
    with pytest.raises(UnknownVersion, match="no version 7; known are 1"):
        book.roll_back("main", 7)
    with pytest.raises(UnknownVersion, match="no version before 1"):
        book.before("main")
    book.take({}, 2.0)
    assert book.names() == () and book.live("main") == 0
    book.take({"main": flow()}, 3.0)
    assert book.live("main") == 1


def test_the_book_is_bounded_and_keeps_what_is_used() -> None:
    book = VersionBook()
    book.take({"main": flow("first")}, 0.0)
    book.take({"main": flow("second")}, 0.0)
    book.roll_back("main", 1)
    for index in range(40):
        book.take({"main": flow(f"p{index}")}, 1.0)
    numbers = [each.number for each in book.versions("main")]
    assert len(numbers) == MAX_VERSIONS and numbers[-1] == 42 == book.live("main")
    book.roll_back("main", numbers[0])
    book.take({"main": flow("p39")}, 2.0)
    assert book.live("main") == numbers[0]


def test_the_book_goes_to_disk_and_back() -> None:
    book = VersionBook()
    book.take({"main": flow("one"), "other": flow("x")}, 1.0)
    book.take({"main": flow("two"), "other": flow("x")}, 2.0)
    book.roll_back("main", 1)
    read = VersionBook.from_plain(json.loads(json.dumps(book.plain())))
    assert read.plain() == book.plain()
    assert read.take({"main": flow("two"), "other": flow("x")}, 3.0)["main"] == flow("one")
    plain = json.loads(json.dumps(book.plain()))
    plain["main"]["versions"][0]["flow"]["node"]["a"]["do"] = "no such kind"
    assert [each.number for each in VersionBook.from_plain(plain).versions("main")] == [2]
    for broken in ({"main": 3}, {"main": {}}, {"main": {"versions": [{}], "in_file": 1, "pinned": 0}}):
        with pytest.raises(ValueError):
            VersionBook.from_plain(broken)
