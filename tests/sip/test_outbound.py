"""Proves the registrar's part of RFC 5626 (outbound), RFC 3327 (Path) and RFC 5627 (public GRUU): flows beside each other
and in each other's place, what the 200 says, a connection that is gone, 439, q values, whom a GRUU means.
"""

import pytest

from softswitch.ids import EndpointName
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.outbound import phones, with_gruu
from softswitch.sip.registrar import Binding, Registrar, RegistrarSettings
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

PHONE = EndpointName("1001")
FIRST, SECOND = Source("tls", "198.51.100.7", 40001), Source("tls", "198.51.100.7", 40002)
URN = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF"
CONTACT = f'<sip:1001@198.51.100.7:40001;transport=tls;ob>;+sip.instance="<{URN}>"'


class Desk:
    def __init__(self, **settings: int) -> None:
        self.registrar = Registrar(RegistrarSettings(**{"flow_timer_s": 120, **settings}))  # type: ignore[arg-type]
        self._cseq = 0

    def register(
        self,
        *contacts: str,
        source: Source = FIRST,
        extra: tuple[str, ...] = ("Supported: path, outbound, gruu",),
        vias: int = 1,
        expires: int = 600,
        call_id: str = "c",
    ) -> Response:
        self._cseq += 1
        via = [f"Via: SIP/2.0/TLS 198.51.100.{n};branch=z9hG4bK{self._cseq}{n}" for n in range(vias)]
        lines = ["REGISTER sip:example.com SIP/2.0", *via, "From: <sip:1001@example.com>;tag=f"]
        lines += ["To: <sip:1001@example.com>", f"Call-ID: {call_id}", f"CSeq: {self._cseq} REGISTER"]
        lines += [*(f"Contact: {contact}" for contact in contacts), f"Expires: {expires}", *extra]
        request = parse_message("\r\n".join([*lines, "", ""]).encode())
        assert isinstance(request, Request)
        return self.registrar.register(request, PHONE, source, 1000.0, to_tag="t").response

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.registrar.bindings(PHONE, 1000.0)


def test_a_flow_is_confirmed_with_require_and_its_timer() -> None:
    answer = Desk().register(f"{CONTACT};reg-id=1")
    assert answer.status == 200
    assert answer.headers.get("Require") == "outbound" and answer.headers.get("Flow-Timer") == "120"
    told = answer.contacts[0].params
    assert (told.text("+sip.instance"), told.get("reg-id")) == (f"<{URN}>", "1")


@pytest.mark.parametrize(
    ("contact", "source", "supported"),
    [
        (CONTACT, FIRST, "outbound"),
        (f"{CONTACT};reg-id=1", FIRST, "path"),
        (f"{CONTACT};reg-id=0", FIRST, "outbound"),
        (f"{CONTACT};reg-id=one", FIRST, "outbound"),
        (f"{CONTACT};reg-id=1".replace("tls", "udp"), Source("udp", "198.51.100.7", 40001), "outbound"),
        ("<sip:1001@198.51.100.7>;reg-id=1", FIRST, "outbound"),
    ],
)
def test_what_is_no_flow_is_registered_without_promises(contact: str, source: Source, supported: str) -> None:
    desk = Desk()
    answer = desk.register(contact, source=source, extra=(f"Supported: {supported}",))
    assert answer.status == 200 and len(desk.bindings) == 1
    assert "Require" not in answer.headers and "Flow-Timer" not in answer.headers


def test_the_same_reg_id_replaces_and_another_stands_beside_it() -> None:
    desk = Desk()
    desk.register(f"{CONTACT};reg-id=1")
    desk.register(f"{CONTACT};reg-id=2", source=SECOND, call_id="d")
    assert [one.source for one in desk.bindings] == [SECOND, FIRST], "the same Contact over two flows"
    third = Source("tls", "198.51.100.7", 40003)
    desk.register(f"{CONTACT};reg-id=1", source=third, call_id="e")
    assert [one.source for one in desk.bindings] == [third, SECOND]
    [flows] = phones(desk.bindings)
    assert len(flows) == 2, "one phone, called by one flow at a time"


def test_phones_without_reg_id_are_each_their_own() -> None:
    desk = Desk()
    desk.register("<sip:1001@198.51.100.7:1>")
    desk.register("<sip:1001@198.51.100.7:2>", call_id="d")
    assert [len(flows) for flows in phones(desk.bindings)] == [1, 1]


def test_a_connection_that_is_gone_takes_its_flow_along() -> None:
    desk = Desk()
    desk.register(f"{CONTACT};reg-id=1")
    desk.register(f"{CONTACT};reg-id=2", source=SECOND, call_id="d")
    changes = desk.registrar.flow_lost(SECOND)
    assert [(one.event, one.binding.source) for one in changes] == [("unregistered", SECOND)]
    assert [one.source for one in desk.bindings] == [FIRST]
    assert desk.registrar.flow_lost(SECOND) == ()
    assert desk.registrar.flow_lost(FIRST) and not desk.bindings


def test_a_connection_that_is_gone_leaves_phones_that_can_be_called_back() -> None:
    desk = Desk()
    desk.register("<sip:1001@198.51.100.7:5060;transport=tcp>", source=Source("tcp", "198.51.100.7", 5))
    assert desk.registrar.flow_lost(Source("tcp", "198.51.100.7", 5)) == () and desk.bindings


NEAR = Source("tcp", "198.51.100.7", 5)


@pytest.mark.parametrize(
    ("contact", "path", "dies"),
    [
        ("<sip:1001@198.51.100.7:5060;transport=tcp>", "", False),
        ("<sip:1001@10.0.0.7:5060;transport=tcp>", "", True),
        ("<sip:1001@phone.invalid;transport=tcp>", "", True),
        (CONTACT.replace("tls", "tcp") + ";reg-id=1", "", True),
        ("<sip:1001@10.0.0.7>", "<sip:198.51.100.7;lr>", False),
        (CONTACT.replace("tls", "tcp") + ";reg-id=1", "<sip:198.51.100.7;lr;ob>", False),
        ("<sip:1001@phone.example.com:5;transport=tcp>", "", False),
        ('<sip:1001@phone.example.com:5;transport=tcp>;reg-id=1;+sip.instance="<urn:a>"', "", True),
        ("<sip:1001@198.51.100.7>", "<sip:edge.example.com;lr>", False),
        (CONTACT.replace("tls", "tcp") + ";reg-id=1", "<sip:10.0.0.7:5080;lr;ob>", False),
    ],
)
def test_what_a_connection_over_tcp_takes_along(contact: str, path: str, dies: bool) -> None:
    """Whatever leads to another host than the one it came from has no other way to us; a proxy can be connected to, and a
    name that names the very port it came from."""
    desk = Desk()
    more = (f"Path: {path}",) if path else ()
    assert desk.register(contact, source=NEAR, extra=("Supported: path, outbound", *more)).status == 200
    assert len(desk.registrar.flow_lost(NEAR)) == dies
    assert len(desk.bindings) == 1 - dies


@pytest.mark.parametrize("host", ["[2001:DB8::7]", "[2001:db8:0:0::7]", "[2001:db8::0.0.0.7]"])
def test_one_address_may_be_written_in_many_ways(host: str) -> None:
    desk, place = Desk(), Source("tcp", "2001:db8::7", 5)
    assert desk.register(f"<sip:1001@{host}:5060;transport=tcp>", source=place).status == 200
    assert desk.registrar.flow_lost(place) == () and desk.bindings


@pytest.mark.parametrize("transport", ["tls", "ws", "wss"])
def test_whoever_has_the_address_and_port_of_a_gone_connection_gets_nobodys_calls(transport: str) -> None:
    """Another phone behind the same NAT may have both a moment later."""
    desk = Desk()
    place = Source(transport, "198.51.100.7", 5)
    assert desk.register(f"<sip:1001@198.51.100.7:5060;transport={transport}>", source=place).status == 200
    assert [one.event for one in desk.registrar.flow_lost(place)] == ["unregistered"] and not desk.bindings


def test_a_proxy_before_us_must_keep_the_flow() -> None:
    desk = Desk()
    assert desk.register(f"{CONTACT};reg-id=1", vias=2).status == 439
    path = "Path: <sip:edge.example.com;lr{}>"
    supported = "Supported: path, outbound"
    assert desk.register(f"{CONTACT};reg-id=1", vias=2, extra=(supported, path.format(""))).status == 439
    answer = desk.register(f"{CONTACT};reg-id=1", vias=2, extra=(supported, path.format(";ob")))
    assert answer.status == 200 and answer.headers.get_list("Path") == ["<sip:edge.example.com;lr;ob>"]
    assert desk.bindings[0].path == ("<sip:edge.example.com;lr;ob>",)


def test_one_flow_for_each_register() -> None:
    answer = Desk().register(f"{CONTACT};reg-id=1", "<sip:1001@198.51.100.8>")
    assert answer.status == 400


def test_q_values_are_kept_and_told() -> None:
    desk = Desk()
    answer = desk.register("<sip:1001@198.51.100.7:1>;q=0.25", "<sip:1001@198.51.100.7:2>")
    assert sorted(one.q for one in desk.bindings) == [0.25, 1.0]
    assert sorted(one.params.get("q") or "" for one in answer.contacts) == ["", "0.25"]


def test_a_public_gruu_is_given_to_who_asks_and_means_one_phone() -> None:
    desk = Desk()
    answer = desk.register(CONTACT)
    gruu = answer.contacts[0].params.text("pub-gruu")
    assert gruu == f"sip:1001@example.com;gr={URN}"
    assert "pub-gruu" not in desk.register(CONTACT, extra=()).contacts[0].params
    desk.register("<sip:1001@198.51.100.9>", call_id="d")
    assert len(with_gruu(desk.bindings, Uri.parse("sip:1001@example.com"))) == 2
    [one] = with_gruu(desk.bindings, Uri.parse(gruu))
    assert one.instance == f"<{URN}>"
    assert with_gruu(desk.bindings, Uri.parse("sip:1001@example.com;gr=urn:uuid:other")) == ()


def test_an_instance_that_is_no_urn_gets_none() -> None:
    answer = Desk().register('<sip:1001@198.51.100.7>;+sip.instance="<mine>"')
    assert answer.status == 200 and "pub-gruu" not in answer.contacts[0].params
