"""Asks a web service for JSON: bounded in time and size, redirects not followed, values of callers escaped. A shell."""

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import aiohttp

from softswitch.config.lookups import Lookup
from softswitch.config.secret import Secret
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.lookup import url_of, values_of

NOTHING = frozenset({204, 404, 410})
"""Statuses that say that there is nothing."""


async def ask_http(
    client: aiohttp.ClientSession, lookup: Lookup, parameters: Mapping[str, str], secret: Secret | None
) -> LookedUp:
    """Cancelled at its time limit by whoever awaits it."""
    address = url_of(lookup, {name: quote(value, safe="") for name, value in parameters.items()})
    if {".", ".."} & set(urlsplit(address).path.split("/")):
        return LookedUp(answer="error", problem="a parameter would lead to another path")
    try:
        async with client.request(
            lookup.method,
            address,
            json=dict(parameters) if lookup.method == "POST" else None,
            headers=_headers(lookup, secret),
            timeout=aiohttp.ClientTimeout(total=lookup.timeout_s),
            allow_redirects=False,
        ) as response:
            if response.status in NOTHING:
                return LookedUp(answer="none")
            if not 200 <= response.status < 300:
                return LookedUp(answer="error", problem=f"status {response.status}")
            content = await _content(response, lookup.max_bytes)
    except TimeoutError:
        return LookedUp(answer="timeout", problem=f"{lookup.timeout_s:g} s were not enough")
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        # The text of such an error may hold the address, and with it what callers have typed.
        return LookedUp(answer="error", problem=type(error).__name__)
    return _read(lookup, content)


async def _content(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """None: it is longer than it may be."""
    content = bytearray()
    async for chunk in response.content.iter_chunked(16384):
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)


def _read(lookup: Lookup, content: bytes | None) -> LookedUp:
    if content is None:
        return LookedUp(answer="error", problem=f"the answer is longer than {lookup.max_bytes} bytes")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return LookedUp(answer="error", problem="the answer is not JSON")
    values = values_of(lookup, answer)
    return LookedUp(answer="found" if values or not lookup.results else "none", values=values)


def _headers(lookup: Lookup, secret: Secret | None) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "softswitch",
        **lookup.headers,
    }
    word = secret.password if secret is not None else None
    if word and lookup.auth == "bearer":
        headers["Authorization"] = f"Bearer {word}"
    elif word and lookup.auth == "basic":
        headers["Authorization"] = aiohttp.BasicAuth(lookup.user, word).encode()
    elif word and lookup.auth == "header":
        headers[lookup.secret_header] = word
    return headers
