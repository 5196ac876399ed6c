"""Proves that who can be found by name is made once for each configuration, also while calls of two ask in turns, and
that no configuration is kept for good.

Does not prove who is found: `tests/story/test_voice_story.py` does.
"""

from dataclasses import replace

from softswitch.call.people import MOST_KEPT, PeopleBook
from softswitch.config.flow import Flow
from softswitch.config.queues import Agent
from softswitch.config.schema import Config
from softswitch.config.voice_nodes import Directory

FIND = {"main": Flow(start="find", node={"find": Directory(on_failure="find", next="find")})}


def config(name: str) -> Config:
    return Config(flow=FIND, agent={"ana": Agent(endpoint="1001", name=name)})


def test_two_configurations_in_turns_are_each_made_once() -> None:
    book, old, new = PeopleBook(), config("Ana Ruiz"), config("Ana Pop")
    first, second = book.of(old), book.of(new)
    assert [person.name for person in (*first, *second)] == ["Ana Ruiz", "Ana Pop"]
    assert book.of(old) is first and book.of(new) is second
    assert book.of(replace(new, agent=old.agent)) == first, "an agent has got another name"


def test_what_is_long_gone_is_not_kept() -> None:
    book, old = PeopleBook(), config("Ana Ruiz")
    first = book.of(old)
    for number in range(MOST_KEPT):
        book.of(config(f"Ana {number}"))
    assert book.of(old) is not first and book.of(old) == first
