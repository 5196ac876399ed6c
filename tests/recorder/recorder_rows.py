"""Rows as a media worker hands them to the recorder, made of simple packets; a help for the tests of this folder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from softswitch.tap import TapRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    slot: int = 0
    track: int = 0
    ssrc: int = 1
    timestamp: int = 0
    arrival: float = 0.0
    law: int = 0
    payload: bytes = b""


def rows_of(packets: Sequence[Packet], width: int = 0) -> TapRows:
    width = max([width, *(len(packet.payload) for packet in packets)])
    payload = np.zeros((len(packets), width), np.uint8)
    for row, packet in enumerate(packets):
        payload[row, : len(packet.payload)] = np.frombuffer(packet.payload, np.uint8)
    return TapRows(
        slot=np.array([packet.slot for packet in packets], np.int32),
        track=np.array([packet.track for packet in packets], np.uint8),
        ssrc=np.array([packet.ssrc for packet in packets], np.uint32),
        timestamp=np.array([packet.timestamp & 0xFFFF_FFFF for packet in packets], np.uint32),
        arrival=np.array([packet.arrival for packet in packets], np.float64),
        law=np.array([packet.law for packet in packets], np.uint8),
        length=np.array([len(packet.payload) for packet in packets], np.int32),
        payload=payload,
    )
