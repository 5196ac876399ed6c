"""Proves, on virtual time, that whoever does not answer in time is told of once, that others are not, that who is asked
anew has all of the time again, and that no timer is left when nobody is waited for.

Does not prove what those do who hear of it.
"""

import asyncio

from softswitch.late import Late
from softswitch.testing.virtual_time import run


def test_only_who_does_not_answer_is_late() -> None:
    async def story() -> list[tuple[str, float]]:
        loop, told = asyncio.get_running_loop(), list[tuple[str, float]]()
        late: Late[str] = Late(2.0, lambda whom: told.append((whom, loop.time())))
        late.asked("never")
        await asyncio.sleep(0.5)
        for whom in ("quick", "slow", "again"):
            late.asked(whom)
        late.answered("quick")
        await asyncio.sleep(1.0)
        late.asked("again")
        late.answered("nobody")
        assert len(late) == 3
        await asyncio.sleep(10.0)
        assert not late
        late.asked("later")
        await asyncio.sleep(3.0)
        return told

    assert run(story()) == [("never", 2.0), ("slow", 2.5), ("again", 3.5), ("later", 13.5)]


def test_who_is_told_may_ask_again() -> None:
    async def story() -> list[float]:
        loop, told = asyncio.get_running_loop(), list[float]()

        def again(whom: str) -> None:
            told.append(loop.time())
            if len(told) < 3:
                late.asked(whom)

        late: Late[str] = Late(1.0, again)
        late.asked("a")
        await asyncio.sleep(5.0)
        return told

    assert run(story()) == [1.0, 2.0, 3.0]
