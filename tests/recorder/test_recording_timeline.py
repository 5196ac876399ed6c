"""Proves that every packet that survives reordering, doubling and loss sits at its place, whatever way it was batched; that
timestamps may wrap; that another SSRC, a jump, a step back and a drifting clock are set right by arrival; that nothing
filled is overwritten.

Does not prove anything about files.
"""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder_rows import Packet, rows_of

from softswitch.recorder.timeline import AS_IS, PHASES, Timeline
from softswitch.recorder.track import BACK_PACKETS, RATE, Track
from softswitch.recorder.tracks import Tracks

FRAME = 160
START = 40_000_000
T0 = START / RATE
SETTLE = RATE // 5


def heard(
    packets: list[Packet], seconds: float, *, tick: float = 0.005, stereo: bool = False, law: int = 0
) -> np.ndarray:
    """Run packets through a timeline in ticks; returns (2, samples) with silence as -1."""
    timeline = Timeline(capacity=4)
    slot = timeline.open(START, stereo=stereo, law=law)
    assert slot == 0
    packets = sorted(packets, key=lambda packet: packet.arrival)
    pieces = []
    now, sent = T0, 0
    while now < T0 + seconds + 0.5:
        now += tick
        batch = []
        while sent < len(packets) and packets[sent].arrival <= now:
            batch.append(packets[sent])
            sent += 1
        if batch:
            timeline.place(rows_of(batch))
        if int(now * 10) != int((now - tick) * 10):
            pieces += timeline.take(0, int(now * RATE) - SETTLE)
    pieces += timeline.take_last([0], START + int(seconds * RATE))
    assert pieces[0].start == START
    audio = np.concatenate([piece.audio[0] for piece in pieces], axis=1).astype(int)
    filled = np.concatenate([piece.filled[0] for piece in pieces], axis=1)
    audio[filled == 0] = -1
    return audio


def payload_of(index: int) -> bytes:
    """Different for every packet, so that a misplaced one shows."""
    return (np.arange(FRAME) * 7 + index * 31).astype(np.uint8).tobytes()


fates = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.floats(0, 0.15), st.floats(0, 0.15)), min_size=1, max_size=80
)


@settings(max_examples=150, deadline=None)
@given(fates=fates, first=st.integers(0, 2**32 - 1), tick=st.sampled_from([0.001, 0.005, 0.02, 0.3]))
def test_every_surviving_packet_sits_at_its_place(
    fates: list[tuple[bool, bool, float, float]], first: int, tick: float
) -> None:
    packets = [Packet(timestamp=first, arrival=T0, payload=payload_of(0))]
    expected = np.full((len(fates) + 1) * FRAME, -1)
    expected[:FRAME] = list(payload_of(0))
    for index, (lost, doubled, delay, later) in enumerate(fates, 1):
        sent = T0 + index * FRAME / RATE
        packet = {"timestamp": first + index * FRAME, "payload": payload_of(index)}
        if not lost:
            packets.append(Packet(**packet, arrival=sent + delay))
            expected[index * FRAME : (index + 1) * FRAME] = list(payload_of(index))
        if not lost and doubled:
            packets.append(Packet(**packet, arrival=sent + delay + later))
    got = heard(packets, (len(fates) + 1) * FRAME / RATE, tick=tick)[0]
    assert np.array_equal(got[: len(expected)], expected)
    assert (got[len(expected) :] == -1).all()


steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0, 160, 160, 160, 160, 320, 480, -160, -320, 5000, -5000, 20_000, -20_000, 2**31]),
        st.integers(0, 4000),
        st.sampled_from([80, 160, 240]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(steps=steps, cuts=st.sets(st.integers(1, 59)))
def test_many_at_once_follow_the_rules_for_one(
    steps: list[tuple[int, int, int, int, int]], cuts: set[int]
) -> None:
    """The vectorised placing against `Track.place` packet by packet, with the same blocks settled at the same time."""
    columns = {name: [] for name in ("key", "ssrc", "timestamp", "arrival", "length")}
    timestamp, arrival = 4_294_900_000, START
    for ssrc, step, pause, length, key in steps:
        timestamp, arrival = (timestamp + step) % 2**32, arrival + pause // 8
        for name, value in zip(columns, (key, ssrc // 2, timestamp, arrival, length), strict=True):
            columns[name].append(value)
    kinds = {"ssrc": np.uint32, "timestamp": np.uint32}
    arrays = {name: np.array(values, kinds.get(name, np.int64)) for name, values in columns.items()}
    tracks, plain = Tracks(2), [Track(), Track()]
    edges = [0, *sorted(cut for cut in cuts if cut < len(steps)), len(steps)]
    for begin, end in pairwise(edges):
        batch = {name: values[begin:end] for name, values in arrays.items()}
        settled = int(batch["arrival"][0]) - SETTLE
        got = tracks.positions(**batch, settled=np.full(end - begin, settled))
        for row in range(end - begin):
            one = {name: int(values[row]) for name, values in batch.items() if name != "key"}
            place = plain[int(batch["key"][row])].place(**one, settled=settled)
            assert got[row] == (-1 if place is None else place)


def stream(
    count: int,
    *,
    ssrc: int = 1,
    first: int = 0,
    begin: float = T0,
    every: float = 0.02,
    number: int = 0,
    track: int = 0,
) -> list[Packet]:
    return [
        Packet(
            track=track,
            ssrc=ssrc,
            timestamp=first + i * FRAME,
            arrival=begin + i * every,
            payload=payload_of(number + i),
        )
        for i in range(count)
    ]


def position_of(got: np.ndarray, index: int) -> int:
    """Where packet `index` begins; -1: it is not there."""
    wanted = np.frombuffer(payload_of(index), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(got, FRAME)
    hits = np.flatnonzero((windows == wanted).all(axis=1))
    return int(hits[0]) if len(hits) else -1


def test_first_packet_of_each_track_is_anchored_by_arrival() -> None:
    packets = stream(10, begin=T0 + 0.1) + stream(10, first=999, begin=T0 + 0.35, number=50, track=1)
    got = heard(packets, 1.0, stereo=True)
    assert position_of(got[0], 0) == 800
    assert position_of(got[1], 50) == 2800


def test_another_ssrc_anchors_anew() -> None:
    packets = stream(25) + stream(25, ssrc=2, first=77_777, begin=T0 + 1.0, number=100)
    got = heard(packets, 2.0)[0]
    assert [position_of(got, index) for index in (0, 24, 100, 124)] == [0, 24 * 160, 8000, 8000 + 24 * 160]


def test_another_ssrc_right_after_continues_without_overlap() -> None:
    packets = stream(25) + stream(25, ssrc=2, first=77_777, begin=T0 + 0.49, number=100)
    got = heard(packets, 2.0)[0]
    assert position_of(got, 24) == 24 * 160
    assert position_of(got, 100) == 25 * 160


def test_long_silence_and_jump_are_measured_by_arrival() -> None:
    # Three seconds pass; the sender's clock says one minute.
    packets = stream(25) + stream(25, first=480_000, begin=T0 + 3.0, number=100)
    assert position_of(heard(packets, 4.0)[0], 100) == 24_000


def test_short_silence_is_measured_by_timestamp() -> None:
    # The first packet after the pause is 40 ms late; its timestamp knows better.
    packets = stream(25) + stream(25, first=8000, begin=T0 + 1.04, number=100)
    assert position_of(heard(packets, 2.0)[0], 100) == 8000


def test_stream_that_goes_back_is_anchored_after_a_few_packets() -> None:
    packets = stream(50) + stream(50, first=0, begin=T0 + 1.0, number=100)
    got = heard(packets, 2.0)[0]
    assert position_of(got, 100 + BACK_PACKETS) == 8000 + BACK_PACKETS * 160
    assert position_of(got, 100) == -1


def test_straggler_does_not_move_the_stream() -> None:
    packets = [*stream(100), Packet(ssrc=1, timestamp=160, arrival=T0 + 1.5001, payload=payload_of(200))]
    got = heard(packets, 2.0)[0]
    assert [position_of(got, index) for index in (1, 99, 200)] == [160, 99 * 160, -1]


def test_stall_drops_what_is_too_late_and_keeps_the_rest_in_place() -> None:
    packets = stream(50)
    for index in range(10, 35):
        late = packets[index]
        packets[index] = Packet(ssrc=1, timestamp=late.timestamp, arrival=T0 + 0.7, payload=late.payload)
    got = heard(packets, 1.0)[0]
    assert [position_of(got, index) for index in (9, 10, 34, 40, 49)] == [
        9 * 160,
        -1,
        34 * 160,
        40 * 160,
        49 * 160,
    ]


def test_a_sender_whose_clock_stood_still_loses_a_tenth_of_a_second() -> None:
    stood = [
        Packet(ssrc=1, timestamp=p.timestamp, arrival=p.arrival + 0.6, payload=p.payload)
        for p in stream(100)[50:]
    ]
    got = heard(stream(50) + stood, 2.6)[0]
    assert [position_of(got, 50 + index) for index in range(BACK_PACKETS - 1)] == [-1] * (BACK_PACKETS - 1)
    for index in range(50 + BACK_PACKETS, 100):
        assert abs(position_of(got, index) - (index * 160 + 4800)) <= 40, index


def test_slow_and_fast_clocks_stay_aligned() -> None:
    for every in (0.02 * 1.002, 0.02 * 0.998):
        packets = stream(3000, every=every)
        got = heard(packets, 60.5)[0]
        for index in (100, 1500, 2900):
            expected = round(index * every * RATE)
            near = got[max(0, expected - 800) : expected + 960]
            assert position_of(near, index) >= 0, (every, index)


def test_nothing_filled_is_overwritten() -> None:
    packets = [
        Packet(timestamp=0, arrival=T0, payload=payload_of(0)),
        Packet(timestamp=80, arrival=T0 + 0.001, payload=payload_of(1)),
        Packet(timestamp=0, arrival=T0 + 0.010, payload=payload_of(2)),
    ]
    got = heard(packets, 0.5)[0]
    assert got[:160].tolist() == list(payload_of(0))
    assert got[160:240].tolist() == list(payload_of(1))[80:]
    assert (got[240:] == -1).all()


def test_rows_that_belong_to_nothing_are_dropped() -> None:
    timeline = Timeline(capacity=2)
    slot = timeline.open(START, stereo=False, law=AS_IS)
    assert slot is not None
    good = Packet(slot=slot, arrival=T0, payload=payload_of(0))
    bad = [
        Packet(slot=-1, arrival=T0, payload=b"a"),
        Packet(slot=99, arrival=T0, payload=b"a"),
        Packet(slot=1, arrival=T0, payload=b"a"),
        Packet(slot=slot, track=1, arrival=T0, payload=b"a"),
        Packet(slot=slot, track=7, arrival=T0, payload=b"a"),
        Packet(slot=slot, law=18, arrival=T0, payload=b"a"),
        Packet(slot=slot, arrival=T0, payload=b""),
        Packet(slot=slot, arrival=T0, payload=bytes(4000)),
    ]
    timeline.place(rows_of([*bad, good]))
    assert timeline.dropped == len(bad)
    piece = timeline.take_last([slot], START + FRAME)[0]
    assert piece.audio[0, 0].tobytes() == payload_of(0)


def test_groups_are_taken_out_independently() -> None:
    timeline = Timeline(capacity=8)
    slots = [timeline.open(START, stereo=False, law=0) for _ in range(PHASES)]
    timeline.place(
        rows_of([Packet(slot=slot or 0, arrival=T0, payload=payload_of(slot or 0)) for slot in slots])
    )
    pieces = timeline.take(1, START + 800)
    assert [piece.slots.tolist() for piece in pieces] == [[1]]
    assert timeline.settled(0) == START and timeline.settled(1) == START + 800


def test_recordings_one_after_the_other_share_the_memory_of_one() -> None:
    timeline = Timeline(64)
    slots = set()
    for _ in range(40):
        slot = timeline.open(START, stereo=True, law=0)
        assert slot is not None
        slots.add(slot)
        timeline.close(slot)
        timeline.release(slot)
    assert len(slots) == 1
