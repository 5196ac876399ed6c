"""The door by which the self-test calls the running switch: a trunk and a number that exist for one test only.

Both are laid over the configuration in force and taken away again, so the test goes every way that a call goes: admission
by address and digest, routing, both legs, media, recording, CDR. Nobody else can use it: requests must come from the
loopback address that the test named over the control socket, with a password made for it, and it shuts by itself.
"""

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import structlog

from softswitch.api.errors import BadRequest, NotPossible
from softswitch.api.trace import SelftestView, SelftestWish
from softswitch.app.parts import Parts
from softswitch.app.reload import take_over
from softswitch.config.credentials import Auth
from softswitch.config.loader import LoadedConfig
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk

NAME = "selftest"
"""Of the trunk, and the number."""
OPEN_S = 60.0

_log = structlog.get_logger(__name__)


class SelftestDoor:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shutting: asyncio.TimerHandle | None = None

    def open(self, wish: SelftestWish) -> SelftestView:
        """Raises `BadRequest` for an address that is not loopback, `NotPossible` while another test runs."""
        parts = self._parts
        try:
            local = ip_address(wish.address)
        except ValueError:
            raise BadRequest(f"{wish.address!r} is no IP address") from None
        if not local.is_loopback or not 0 < wish.port < 65536:
            raise BadRequest("a self-test calls from a loopback address only")
        config = parts.services.config
        if self._shutting is not None or NAME in config.trunk or NAME in config.route:
            raise NotPossible(
                "a self-test is running, or something is called selftest", hint="try again in a minute"
            )
        user, token = f"{NAME}-{parts.world.entropy(6).hex()}", parts.world.entropy(24).hex()
        secret = Secret.from_password(user, config.sip.realm, token)
        host = f"[{wish.address}]" if local.version == 6 else wish.address
        trunk = Trunk(
            host=f"sip:{host}:{wish.port}",
            match=(wish.address,),
            auth=Auth(user=user),
            challenge=True,
            options_interval_s=0,
            max_channels=2,
            codecs=("PCMA", "PCMU"),
        )
        route = Route(to=f"trunk:{NAME}", source=(f"trunk:{NAME}",))
        self._take_over(
            replace(
                config,
                trunk={**config.trunk, NAME: trunk},
                route={**config.route, NAME: route},
            ),
            {**parts.services.secrets, ("trunk", NAME): secret},
        )
        self._shutting = asyncio.get_running_loop().call_later(OPEN_S, self.shut)
        return SelftestView(
            number=NAME, user=user, token=token, realm=config.sip.realm, targets=self._targets(config)
        )

    def shut(self) -> None:
        """Take both away; nothing when it is shut."""
        if self._shutting is not None:
            self._shutting.cancel()
            self._shutting = None
        config = self._parts.services.config
        if NAME not in config.trunk:
            return
        secrets = {key: each for key, each in self._parts.services.secrets.items() if key != ("trunk", NAME)}
        self._take_over(
            replace(
                config,
                trunk={name: trunk for name, trunk in config.trunk.items() if name != NAME},
                route={number: route for number, route in config.route.items() if number != NAME},
            ),
            secrets,
        )

    def _take_over(self, config: Config, secrets: dict[tuple[str, str], Secret]) -> None:
        loaded: LoadedConfig = replace(self._parts.loaded, config=config, secrets=secrets)
        take_over(self._parts, loaded)

    def _targets(self, config: Config) -> tuple[str, ...]:
        """Where it listens for datagrams; a wildcard is reached by loopback."""
        found = []
        for text in config.sip.listen:
            scheme, _, place = text.partition("://")
            if scheme == "udp":
                place = place.partition("?")[0].replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
                found.append(f"{scheme}:{place}")
        return tuple(found)
