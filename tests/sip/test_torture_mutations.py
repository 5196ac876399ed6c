"""Proves that seeded damage to each message of RFC 4475, and to bodies of SDP in a call's INVITE, hurts nobody.

An OPTIONS is answered after every one, the established call goes on, nothing is left behind, memory does not grow.
`MUTATIONS` in the environment is how many of each (a few by default, 1,000 for the record), `FUZZ_SEED` which. One stack,
no sockets; `tests/interop/test_fuzz.py` damages what a running switch gets.
"""

import os
import resource
from pathlib import Path

import pytest
from test_stack import raw
from test_stack_fuzz import CORPUS, Target

from tools.peers.mutate import Mutator

MUTATIONS = int(os.environ.get("MUTATIONS", "8"))
SEED = int(os.environ.get("FUZZ_SEED", "20"))
GROWTH_KB = 40_000
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nb=AS:64\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    b"m=audio 4000 RTP/SAVP 0 8 101\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
    b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    b"a=sendrecv\r\nm=video 4002 RTP/AVP 96\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:96 H264/90000\r\n"
)


def _damaged(target: Target, messages: list[bytes], seed: int) -> None:
    """Each with a ping behind it."""
    baseline = 0
    for number, data in zip(range(MUTATIONS), Mutator(seed, messages).sip(), strict=False):
        target.hit(data)
        assert target.alive(), f"mutation {number} of seed {seed}"
        target.bob.calls.clear()
        if number == MUTATIONS // 10:
            baseline = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert target.talking.session.state == "confirmed"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < baseline + GROWTH_KB


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_damage_to_each_torture_message(path: Path) -> None:
    _damaged(Target(), [path.read_bytes()], SEED)


def test_damage_to_sdp() -> None:
    target = Target()
    mutator = Mutator(SEED, [OFFER]).sip()
    for number in range(MUTATIONS * 10):
        body = next(mutator)
        head = raw("INVITE", call_id=f"sdp-{number}", extra="Content-Type: application/sdp\r\n", body=body)
        target.hit(head.replace(b"z9hG4bKraw", b"z9hG4bKsdp%d" % number))
        assert target.alive(), f"body {number} of seed {SEED}"
        for call in target.bob.calls:
            call.session.hangup()
        target.bob.calls.clear()
    target.world.run(300.0)
    assert target.bob.stack.transactions <= 10
