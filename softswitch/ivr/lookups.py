"""Asks lookups for calls: never longer than their time limit, never more at once than they allow. A shell."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import aiohttp

from softswitch.config.lookups import Lookup
from softswitch.config.secret import Secret
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.http_lookup import ask_http
from softswitch.ivr.sql_lookup import ask_sql

SQL_THREADS = 4
"""Questions to data bases that are worked on at once; others wait, within their time limit."""


class Lookups:
    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._under_way: Counter[str] = Counter()

    async def ask(
        self, name: str, lookup: Lookup, parameters: Mapping[str, str], secret: Secret | None
    ) -> LookedUp:
        """Always an answer, within the time limit. What is no character in a parameter becomes `?`."""
        if self._under_way[name] >= lookup.parallel:
            return LookedUp(answer="error", problem=f"{lookup.parallel} calls ask it already")
        self._under_way[name] += 1
        given = {key: value.encode("utf-8", "replace").decode() for key, value in parameters.items()}
        try:
            async with asyncio.timeout(lookup.timeout_s):
                if lookup.url:
                    return await ask_http(self._http(), lookup, given, secret)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool(), ask_sql, lookup, given)
        except TimeoutError:
            return LookedUp(answer="timeout", problem=f"{lookup.timeout_s:g} s were not enough")
        except (ValueError, ArithmeticError, RuntimeError) as error:
            # Whatever else a service or a data base makes of it: the caller waits for an answer.
            return LookedUp(answer="error", problem=type(error).__name__)
        finally:
            self._under_way[name] -= 1

    def _http(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=False,  # a few packed bytes can become more than memory holds
            )
        return self._client

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(SQL_THREADS, thread_name_prefix="lookup")
        return self._threads

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
