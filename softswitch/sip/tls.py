"""Keys and certificates of TLS: one context for our listeners, one for each name that we connect to (RFC 3261 §26.3).

Made anew at each reload: connections that stand keep what they began with. TLS 1.2 at least, no renegotiation. Names are
checked by `certificate_name`, after the handshake and before a byte is sent.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.transports import TrunkTls
from softswitch.errors import PeerError, UnusableError
from softswitch.sip.certificate_name import described, is_for
from softswitch.sip.uri import Uri
from softswitch.sip.way import host_of

_CLIENTS = {"ignore": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsClient:
    """How a peer of one name is connected to."""

    context: ssl.SSLContext
    name: str
    """Whom its certificate must be for."""
    verify: str

    def problem(self, certificate: Mapping[str, Any] | None) -> str:
        """Why the peer is not who it should be; empty when it is."""
        if self.verify in ("chain", "none") or is_for(
            certificate or {}, self.name, wildcards=self.verify == "wildcard"
        ):
            return ""
        return f"the certificate is not for {self.name!r} but for {described(certificate or {})}"


class TlsContexts:
    """Raises UnusableError that names the key of the configuration."""

    def __init__(self, config: Config) -> None:
        self._sip = config.sip
        self.server = _server(config.sip) if config.sip.tls_certificate else None
        self._default = _client(TrunkTls(), config.sip, "sip")
        self._named: dict[str, TlsClient] = {}
        for name, trunk in config.trunk.items():
            if trunk.tls is not None:
                context = _client(trunk.tls, config.sip, f"trunk.{name}.tls")
                registrars = trunk.register.servers if trunk.register is not None else ()
                for text in (trunk.host, trunk.outbound_proxy, *registrars):
                    self._add(text, trunk.tls, context)

    def client(self, name: str) -> TlsClient:
        """For the host of a URI, in lower case."""
        return self._named.get(name) or TlsClient(context=self._default, name=name, verify="name")

    def _add(self, text: str, tls: TrunkTls, context: ssl.SSLContext) -> None:
        try:
            host = host_of(Uri.parse(text)) if text else ""
        except PeerError:
            return
        if host:
            self._named[host] = TlsClient(context=context, name=tls.name.lower() or host, verify=tls.verify)


def _server(sip: Sip) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load_chain(context, sip.tls_certificate, sip.tls_key, "sip.tls_certificate")
    context.verify_mode = _CLIENTS[sip.tls_clients]
    if sip.tls_clients != "ignore":
        _load_authorities(context, sip.tls_ca, "sip.tls_ca", ssl.Purpose.CLIENT_AUTH)
    return context


def _client(tls: TrunkTls, sip: Sip, where: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if tls.verify == "none" else ssl.CERT_REQUIRED
    if tls.verify != "none":
        _load_authorities(context, tls.ca or sip.tls_ca, f"{where}.ca", ssl.Purpose.SERVER_AUTH)
    if tls.certificate:
        _load_chain(context, tls.certificate, tls.key, f"{where}.certificate")
    elif sip.tls_certificate:
        _load_chain(context, sip.tls_certificate, sip.tls_key, "sip.tls_certificate")
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _load_chain(context: ssl.SSLContext, certificate: str, key: str, where: str) -> None:
    try:
        context.load_cert_chain(certificate, key or None, password=_no_password)
    except (OSError, ValueError) as error:
        names = f"{certificate} with key {key}" if key else certificate
        raise UnusableError(f"{where}: {names} cannot be used ({_reason(error)})") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted; keep it without a password, readable by the switch alone")


def _load_authorities(context: ssl.SSLContext, path: str, where: str, purpose: ssl.Purpose) -> None:
    if not path:
        context.load_default_certs(purpose)
        return
    try:
        folder = Path(path).is_dir()
        context.load_verify_locations(cafile=None if folder else path, capath=path if folder else None)
    except OSError as error:
        raise UnusableError(f"{where}: {path} cannot be used ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)
