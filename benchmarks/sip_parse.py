"""What reading and writing a SIP message costs, and that hostile input costs no more than its length.

Prints one JSON line: microseconds of CPU for each step on an INVITE of 1 Via and one of 4 Via and 4 Record-Route, and for
SDP; the same for `sipmessage`, where it is installed; and for each hostile input the time of 64 KiB, which may be 10 ms,
and how many times that of 16 KiB it is (4 is linear, less is refused before it is read).
Run: `python -m benchmarks.sip_parse [--quick]`.
"""

import argparse
import json
import platform
import time
import timeit
from collections.abc import Callable

from softswitch.sip.address import Address
from softswitch.sip.errors import ParseError
from softswitch.sip.message import make_response, parse_message
from softswitch.sip.offer_answer import LocalMedia, answer_offer
from softswitch.sip.sdp import SdpError, SessionDescription

SDP = (
    "v=0\r\no=- 20518 0 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"
    "m=audio 54609 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n"
    "a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
LOCAL = LocalMedia(address="203.0.113.10", port=10000, codecs=("PCMA", "PCMU"), session_id=1, version=1)


def invite(vias: int, record_routes: int) -> bytes:
    lines = ["INVITE sip:+34911222333@203.0.113.10:5060 SIP/2.0"]
    lines += [
        f"Via: SIP/2.0/UDP 198.51.100.{hop}:5060;branch=z9hG4bK776asdhds{hop};rport"
        for hop in range(1, vias + 1)
    ]
    lines += [f"Record-Route: <sip:198.51.100.{hop};lr>" for hop in range(1, record_routes + 1)]
    lines += [
        "Max-Forwards: 70",
        'To: "Support" <sip:+34911222333@203.0.113.10>',
        'From: "Alice" <sip:+34600111222@198.51.100.7>;tag=1928301774',
        "Call-ID: a84b4c76e66710@198.51.100.7",
        "CSeq: 314159 INVITE",
        "Contact: <sip:+34600111222@198.51.100.7:5060;transport=udp>",
        "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK",
        "Supported: timer, 100rel, replaces",
        "Session-Expires: 1800;refresher=uac",
        'P-Asserted-Identity: "Alice" <sip:+34600111222@198.51.100.7>',
        "User-Agent: carrier/1.0",
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + SDP).encode()


def keys_and_back(data: bytes) -> bytes:
    """All that finding a transaction or dialog needs, and the message written again."""
    message = parse_message(data)
    _ = message.top_via.branch, message.cseq, message.call_id, message.from_tag, message.to_tag
    return message.to_bytes()


def validated(data: bytes) -> None:
    parse_message(data).validate()


def hostile(size: int) -> dict[str, Callable[[], object]]:
    quotes = '"' + '\\"' * (size // 2)
    head = "OPTIONS sip:a@b SIP/2.0\r\n"
    return {
        "tel digits": lambda: parse_message(f"OPTIONS tel:{'1' * size}! SIP/2.0\r\n\r\n".encode()).validate(),
        "escaped quotes": lambda: Address.parse_list(quotes + ","),
        "commas": lambda: Address.parse_list("<sip:a@b>," * (size // 10)),
        "semicolons": lambda: Address.parse("sip:a@b" + ";" * size),
        "parameters": lambda: Address.parse(
            "<sip:a@b>" + "".join(f";{number}" for number in range(size // 6))
        ),
        "folds": lambda: parse_message((head + "X: y\r\n" + " z\r\n" * (size // 4) + "\r\n").encode()),
        "spaces": lambda: parse_message(
            (head + "Via: SIP/2.0/UDP" + " " * size + "\r\n\r\n").encode()
        ).validate(),
        "vias": lambda: parse_message(listed("Via", "SIP/2.0/UDP a;b=c", size)).validate(),
        "contacts": lambda: parse_message(listed("Contact", "<sip:a@b>;q=1", size)).validate(),
        "routes in short lines": lambda: parse_message(listed("Route", "<sip:b;lr>", size, 10)).validate(),
        "header lines": lambda: parse_message((head + "X: y\r\n" * (size // 6) + "\r\n").encode()),
        "sdp lines": lambda: SessionDescription.parse(
            b"v=0\r\n" + (b"a=" + b"x" * (size // 1100) + b"\r\n") * 1000
        ),
    }


def listed(name: str, element: str, size: int, on_one_line: int = 100) -> bytes:
    """A request whose bytes are elements of one header, as few lines of it as its limits allow."""
    line = f"{name}: {','.join([element] * on_one_line)}\r\n"
    head = (
        "OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
        + ("" if name == "Via" else "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n")
    )
    return (head + line * (size // len(line)) + "\r\n").encode()


def microseconds(step: Callable[[], object], number: int) -> float:
    def guarded() -> None:
        try:
            step()
        except (ParseError, SdpError):
            pass

    return min(timeit.repeat(guarded, timer=time.process_time, number=number, repeat=7)) / number * 1e6


def second_opinion(data: bytes, number: int) -> float | None:
    try:
        import sipmessage
    except ImportError:
        return None

    def step() -> bytes:
        message = sipmessage.Message.parse(data)
        _ = message.via[0], message.cseq, message.call_id, message.from_address, message.to_address
        return bytes(message)

    return round(microseconds(step, number), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    number = 500 if parser.parse_args().quick else 5000
    result: dict[str, object] = {"benchmark": "sip_parse", "python": platform.python_version()}
    for name, data in (("1 Via", invite(1, 0)), ("4 Via, 4 Record-Route", invite(4, 4))):
        request = parse_message(data)
        steps: dict[str, Callable[[], object]] = {
            "parse": lambda data=data: parse_message(data),
            "parse, keys, serialise": lambda data=data: keys_and_back(data),
            "parse, validate": lambda data=data: validated(data),
            "make 200": lambda request=request: make_response(request, 200, to_tag="t").to_bytes(),  # type: ignore[arg-type]
        }
        figures = {step: round(microseconds(call, number), 1) for step, call in steps.items()}
        result[name] = {
            "bytes": len(data),
            **figures,
            "sipmessage: parse, keys, serialise": second_opinion(data, number),
        }
    sdp = SDP.encode()
    parsed = SessionDescription.parse(sdp)
    result["sdp"] = {
        "parse": round(microseconds(lambda: SessionDescription.parse(sdp), number), 1),
        "answer and serialise": round(
            microseconds(lambda: answer_offer(parsed, LOCAL)[0].serialize(), number), 1
        ),
    }
    small, large = hostile(16 << 10), hostile(64 << 10)
    result["hostile 64 KiB"] = {
        name: {
            "ms": round(microseconds(large[name], 3) / 1000, 2),
            "growth": round(microseconds(large[name], 3) / microseconds(small[name], 3), 1),
        }
        for name in large
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
