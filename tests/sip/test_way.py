"""Proves which transport, port and name a URI asks for, our Contact by transport, that nothing asked for as `sips:` and no
phone that came over TLS or a WebSocket is reached in clear, and where a response goes whose connection is gone."""

import pytest

from softswitch.ids import EndpointName
from softswitch.sip.invite_plan import way_to
from softswitch.sip.message import Request, parse_message
from softswitch.sip.registrar import Binding, Registrar, RegistrarSettings
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.via import Via
from softswitch.sip.way import direct_place, own_contact, reply_place, transport_of


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("sip:192.0.2.1", Source("udp", "192.0.2.1", 5060)),
        ("sip:[2001:db8::1];transport=tcp", Source("tcp", "2001:db8::1", 5060)),
        ("sip:192.0.2.1;transport=tls", Source("tls", "192.0.2.1", 5061, "192.0.2.1")),
        ("sips:a@192.0.2.1:5071;transport=tcp", Source("tls", "192.0.2.1", 5071, "192.0.2.1")),
        ("sips:192.0.2.1;transport=udp", None),
        ("sip:192.0.2.1;transport=ws", None),
        ("tel:+34911", None),
    ],
)
def test_where_an_address_leads(uri: str, found: Source | None) -> None:
    assert direct_place(Uri.parse(uri)) == found


def test_sips_never_leaves_over_anything_but_tls() -> None:
    asked = {
        text: transport_of(Uri.parse(f"sips:x.example{text}"))
        for text in ("", ";transport=tcp", ";transport=tls")
    }
    assert set(asked.values()) == {"tls"}
    assert transport_of(Uri.parse("sips:x.example;transport=udp")) == ""


@pytest.mark.parametrize(
    ("transport", "secure", "contact"),
    [
        ("udp", False, "<sip:u@h:1>"),
        ("tcp", True, "<sip:u@h:1;transport=tcp>"),
        ("tls", False, "<sip:u@h:1;transport=tls>"),
        ("tls", True, "<sips:u@h:1>"),
        ("ws", False, "<sip:u@h:1;transport=ws>"),
        ("wss", False, "<sip:u@h:1;transport=ws>"),
        ("wss", True, "<sips:u@h:1;transport=ws>"),
    ],
)
def test_our_contact(transport: str, secure: bool, contact: str) -> None:
    assert own_contact("h:1", transport, "u", secure=secure) == contact


def test_a_response_without_its_connection_goes_to_the_port_of_sent_by() -> None:
    via = Via.parse("SIP/2.0/TCP sip.example.com:5070;branch=z9hG4bK1")
    assert reply_place(via, Source("tcp", "192.0.2.1", 40000)) == Source("tcp", "192.0.2.1", 5070)
    assert reply_place(via, Source("tls", "192.0.2.1", 40000)) == Source(
        "tls", "192.0.2.1", 5070, "sip.example.com"
    )
    assert reply_place(via, Source("wss", "192.0.2.1", 40000)) is None


@pytest.mark.parametrize("transport", ["tls", "ws", "wss"])
def test_a_phone_whose_connection_is_gone_is_not_called_in_clear(transport: str) -> None:
    source = Source(transport, "192.0.2.7", 40000)
    binding = Binding(
        endpoint=EndpointName("1001"), contact=Uri.parse("sip:1001@192.0.2.7:5060"), source=source, expires=9e9,
        call_id="c", cseq=1,
    )  # fmt: skip
    assert way_to(binding, lambda place: False) == source


def test_a_sips_contact_is_not_registered_in_clear() -> None:
    text = (
        b"REGISTER sips:x.example SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        b"From: <sip:1001@x.example>;tag=1\r\nTo: <sip:1001@x.example>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"
        b"Contact: <sips:1001@192.0.2.7>\r\nContent-Length: 0\r\n\r\n"
    )
    request = parse_message(text)
    assert isinstance(request, Request)
    registrar = Registrar(RegistrarSettings())
    statuses = [
        registrar.register(
            request, EndpointName("1001"), Source(kind, "192.0.2.7", 1), 0.0, to_tag="t"
        ).response.status
        for kind in ("tcp", "tls")
    ]
    assert statuses == [400, 200]
