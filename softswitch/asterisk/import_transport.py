"""Transports and the global section of `pjsip.conf`: where we listen, how we are called, our certificate."""

import ipaddress

from softswitch.asterisk.conf_file import Section
from softswitch.asterisk.draft import Draft, Taking

_REASONS = {
    "external_media_address": "is `sip.external_address`, for signalling and audio",
    "external_signaling_port": "write `sip.advertised`",
    "cipher": "is the system's choice",
    "method": "TLS 1.2 and newer is spoken",
    "verify_server": "write `tls` of the trunk",
    "verify_client": "write `sip.tls_clients`",
    "require_client_cert": "write `sip.tls_clients`",
    "tos": "packets are not marked",
    "cos": "packets are not marked",
    "domain": "write `sip.domains`",
}
_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 8088, "wss": 8089}
_FILES = {
    "cert_file": "tls_certificate",
    "priv_key_file": "tls_key",
    "ca_list_file": "tls_ca",
    "ca_list_path": "tls_ca",
}
_GLOBAL = {
    "max_forwards": "is 70",
    "debug": "`softswitch sip trace` shows messages",
    "endpoint_identifier_order": "an address goes before a user name",
    "keep_alive_interval": "write `sip.keepalive_s`",
}


def import_transport(section: Section, draft: Draft) -> None:
    taking = Taking(draft, section, _REASONS)
    sip = draft.section("sip")
    kind = taking.text("protocol").lower() or "udp"
    bind = taking.last("bind")
    place = _place(kind, bind.value if bind is not None else "0.0.0.0")
    if kind not in _PORTS or not place:
        for entry in section.entries:
            taking.lose(entry, "is nothing that can be listened on here")
        return
    listen = sip.setdefault("listen", [])
    if place not in listen:
        listen.append(place)
    for theirs, ours in _FILES.items():
        text = taking.text(theirs)
        if text:
            sip[ours] = text
    outside = taking.last("external_signaling_address", "external_media_address")
    if outside is not None and _is_address(outside.value):
        sip["external_address"] = outside.value
    elif outside is not None:
        taking.lose(outside, "is a name; `sip.external_address` is an address")
    networks = [word.strip() for entry in taking.all("local_net") for word in entry.value.split(",")]
    for network in networks:
        nets = sip.setdefault("local_nets", [])
        text = str(ipaddress.ip_network(network, strict=False)) if _is_network(network) else ""
        if text and text not in nets:
            nets.append(text)
    taking.finish(
        {"type", "allow_reload", "async_operations", "symmetric_transport", "websocket_write_timeout"}
    )


def import_global(section: Section, draft: Draft) -> None:
    taking = Taking(draft, section, _GLOBAL)
    for theirs, ours in (("user_agent", "user_agent"), ("default_realm", "realm")):
        text = taking.text(theirs)
        if text:
            draft.section("sip")[ours] = text
    taking.finish({"type"})


def _place(kind: str, bind: str) -> str:
    host, port = bind, _PORTS.get(kind, 0)
    if bind.startswith("["):
        host, _, rest = bind[1:].partition("]")
        port = int(rest[1:]) if rest[1:].isdecimal() else port
    elif bind.count(":") == 1:
        host, _, given = bind.partition(":")
        port = int(given) if given.isdecimal() else port
    if not _is_address(host) or not 0 < port < 65536:
        return ""
    return f"{kind}://[{host}]:{port}" if ":" in host else f"{kind}://{host}:{port}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
