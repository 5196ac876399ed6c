"""Proves where a call to a registered phone is sent: to where it registered from, whatever its Contact and Path name.

Does not prove what is done when nobody is there (`test_endpoints.py`).
"""

from dataclasses import replace

import pytest

from softswitch.ids import EndpointName
from softswitch.sip.invite_plan import way_to
from softswitch.sip.registrar import Binding
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

PHONE, TRUNK = "192.0.2.50", "198.51.100.30"


def binding(contact: str, *path: str, transport: str = "udp") -> Binding:
    return Binding(
        endpoint=EndpointName("1001"),
        contact=Uri.parse(contact),
        source=Source(transport, PHONE, 40000),
        expires=60.0,
        call_id="c",
        cseq=1,
        path=path,
    )


@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.parametrize("host", [TRUNK, "carrier.example", "[2001:db8::1]"])
def test_a_phone_cannot_send_our_invite_to_a_trunk(host: str, standing: bool) -> None:
    flow = Source("tcp", PHONE, 40000)
    named = binding(f"sip:+1900@{host}:5060", transport="tcp")
    assert way_to(named, lambda source: standing) == flow
    for transport in ("udp", "tcp"):
        routed = binding(f"sip:+1900@{host}", f"<sip:{host};lr>", transport=transport)
        way = way_to(routed, lambda source: standing)
        assert isinstance(way, Source) and way.address == PHONE


@pytest.mark.parametrize("host", ["edge.example", "10.0.0.1", "[2001:db8::1]"])
def test_a_proxy_whose_connection_is_gone_is_called_where_that_came_from_at_the_port_it_names(
    host: str,
) -> None:
    """It left from a port of the moment, at which nobody listens."""
    for port, wanted in (("", 5060), (":5080", 5080)):
        behind = binding("sip:1001@10.0.0.7", f"<sip:{host}{port};lr>", transport="tcp")
        assert way_to(behind, lambda source: True) == behind.source
        assert way_to(behind, lambda source: False) == Source("tcp", PHONE, wanted)


def test_a_phone_is_on_its_own_host_however_its_address_is_written() -> None:
    named = Uri.parse("sip:1001@[2001:DB8:0::7]:5062;transport=tcp")
    lost = replace(binding(str(named), transport="tcp"), source=Source("tcp", "2001:db8::7", 40000))
    assert way_to(lost, lambda source: False) == named


def test_a_phone_whose_connection_is_gone_is_called_at_its_own_host() -> None:
    lost = binding(f"sip:1001@{PHONE}:5062;transport=tcp", transport="tcp")
    assert way_to(lost, lambda source: False) == lost.contact
    assert way_to(lost, lambda source: True) == lost.source


def test_a_phone_known_by_name_is_called_back_where_it_came_from() -> None:
    """Its name is not looked up, whatever port it names."""
    for port in (40000, 5060):
        named = binding(f"sip:1001@phone.example:{port};transport=tcp", transport="tcp")
        assert way_to(named, lambda source: False) == named.source


def test_a_proxy_that_names_itself_in_path_is_called_at_the_port_it_names() -> None:
    behind = binding("sip:1001@10.0.0.7", f"<sip:{PHONE}:5060;lr>", "<sip:10.0.0.1;lr>")
    assert str(way_to(behind, lambda source: True)) == f"sip:{PHONE}:5060;lr"


def test_an_address_is_called_as_it_is() -> None:
    uri = Uri.parse(f"sip:200@{TRUNK}")
    assert way_to(uri, lambda source: False) is uri
