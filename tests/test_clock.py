"""Proves of the bytes from the operating system that none is given twice: not in order, not in threads, not over a fork.

Does not prove that they cannot be guessed; the operating system says so.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from softswitch.clock import Entropy


def test_pieces_of_any_size_have_that_size_and_never_come_again() -> None:
    entropy = Entropy()
    assert [len(entropy(size)) for size in (0, 1, 8, 32, 4096, 5000, 4095, 2)] == [
        0, 1, 8, 32, 4096, 5000, 4095, 2,
    ]  # fmt: skip
    assert len({entropy(16) for _ in range(5000)}) == 5000


def test_two_threads_never_get_the_same() -> None:
    entropy = Entropy()
    with ThreadPoolExecutor(4) as threads:
        pieces = list(threads.map(lambda _: [entropy(8) for _ in range(2000)], range(8)))
    assert len({piece for each in pieces for piece in each}) == 16_000


def test_a_forked_process_begins_with_bytes_of_its_own() -> None:
    entropy = Entropy()
    entropy(8)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, entropy(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != entropy(16)
    os.close(reading)
    os.close(writing)
