"""Seeded damage to valid SIP messages and RTP packets: what an attacker, a broken peer or a bad line may send."""

import random
from collections.abc import Iterator, Sequence

_NUMBERS = (b"0", b"-1", b"4294967295", b"4294967296", b"4294967328", b"18446744073709551616", b"1_0", "٣".encode(),
            b"+5", b"1e9", b"9" * 5000, b"")  # fmt: skip
_INJECTED = (
    b"Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx\r\n", b"Route: <sip:203.0.113.9;lr>\r\n", b"Contact: *\r\n",
    b"Content-Length: 999999\r\n", b"Content-Length: -1\r\n", b"Max-Forwards: 0\r\n", b"Contact\x01: <sip:x@y>\r\n",
    b"Require: everything\r\n", b"Expires: 4294967296\r\n", b"To: <sip:;;@>;tag=\r\n", b" folded: value\r\n",
    b"Subject: " + b"A" * 8000 + b"\r\n", b"X-\xff\xfe: \x00\r\n", b"Accept: a/b\r\n" * 60,
    b'Authorization: Digest username="\\"\r\n', b"CSeq: 99999999999 INVITE\r\n", b"Identity: x\r\n",
)  # fmt: skip
_RENAMED = (
    (b"INVITE", b"REGISTER"), (b"ACK", b"BYE"), (b"sip:", b"tel:"), (b"sip:", b"urn:"), (b"SIP/2.0", b"SIP/9.9"),
    (b"@", b"@@"), (b"<", b""), (b";tag=", b";tag"), (b"UDP", b"SCTP"), (b"z9hG4bK", b""),
)  # fmt: skip


class Mutator:
    """Endless damaged copies of valid messages; the same seed makes the same ones."""

    def __init__(self, seed: int, valid: Sequence[bytes]) -> None:
        self._random = random.Random(seed)
        self._valid = list(valid)

    def sip(self) -> Iterator[bytes]:
        """One to three kinds of damage to each message."""
        kinds = [self._flip, self._truncate, self._double, self._splice, self._number, self._inject, self._delete_line,
                 self._double_line, self._shuffle_lines, self._rename, self._insert_noise, self._case]  # fmt: skip
        while True:
            yield self._damage(kinds)

    def rtp(self) -> Iterator[bytes]:
        """Damage to headers, lengths and payload."""
        kinds = [self._flip, self._truncate, self._double, self._splice, self._header, self._insert_noise]
        while True:
            yield self._damage(kinds)

    def _damage(self, kinds: Sequence[object]) -> bytes:
        message = self._random.choice(self._valid)
        for kind in self._random.choices(kinds, k=self._random.randint(1, 3)):
            message = kind(message)  # type: ignore[operator]
        return message[:60_000]

    def _at(self, message: bytes) -> int:
        return self._random.randrange(len(message) + 1)

    def _flip(self, message: bytes) -> bytes:
        damaged = bytearray(message)
        for _ in range(self._random.randint(1, 8)):
            if damaged:
                damaged[self._random.randrange(len(damaged))] ^= 1 << self._random.randrange(8)
        return bytes(damaged)

    def _truncate(self, message: bytes) -> bytes:
        return message[: self._at(message)]

    def _double(self, message: bytes) -> bytes:
        start, end = sorted((self._at(message), self._at(message)))
        return message[:end] + message[start:]

    def _splice(self, message: bytes) -> bytes:
        other = self._random.choice(self._valid)
        return message[: self._at(message)] + other[self._at(other) :]

    def _number(self, message: bytes) -> bytes:
        """Put an extreme in place of one of the numbers."""
        places = [at for at in range(len(message)) if message[at : at + 1].isdigit()]
        if not places:
            return message
        start = end = self._random.choice(places)
        while end < len(message) and message[end : end + 1].isdigit():
            end += 1
        return message[:start] + self._random.choice(_NUMBERS) + message[end:]

    def _lines(self, message: bytes) -> tuple[list[bytes], bytes]:
        head, _, body = message.partition(b"\r\n\r\n")
        return head.split(b"\r\n"), body

    def _joined(self, lines: Sequence[bytes], body: bytes) -> bytes:
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _inject(self, message: bytes) -> bytes:
        lines, body = self._lines(message)
        lines.insert(
            self._random.randint(0, len(lines)), self._random.choice(_INJECTED).removesuffix(b"\r\n")
        )
        return self._joined(lines, body)

    def _delete_line(self, message: bytes) -> bytes:
        lines, body = self._lines(message)
        del lines[self._random.randrange(len(lines))]
        return self._joined(lines, body)

    def _double_line(self, message: bytes) -> bytes:
        lines, body = self._lines(message)
        at = self._random.randrange(len(lines))
        return self._joined(
            [*lines[:at], *[lines[at]] * self._random.choice((2, 3, 100)), *lines[at + 1 :]], body
        )

    def _shuffle_lines(self, message: bytes) -> bytes:
        lines, body = self._lines(message)
        rest = lines[1:]
        self._random.shuffle(rest)
        return self._joined([lines[0], *rest], body)

    def _rename(self, message: bytes) -> bytes:
        """Another method, scheme or version."""
        old, new = self._random.choice(_RENAMED)
        return message.replace(old, new, self._random.choice((1, -1)))

    def _insert_noise(self, message: bytes) -> bytes:
        at = self._at(message)
        return message[:at] + self._random.randbytes(self._random.choice((1, 4, 64, 2000))) + message[at:]

    def _case(self, message: bytes) -> bytes:
        return self._random.choice((message.upper(), message.lower(), message.replace(b"\r\n", b"\n")))

    def _header(self, message: bytes) -> bytes:
        """Extremes in the fixed RTP header: version, CSRC count, extension and padding bits, type, sequence, timestamp."""
        damaged = bytearray(message.ljust(12, b"\0"))
        at = self._random.choice((0, 0, 1, 2, 4, 8, len(damaged) - 1))
        damaged[at] = self._random.choice((0x00, 0x7F, 0x80, 0x8F, 0x90, 0xA0, 0xBF, 0xFF))
        return bytes(damaged)
