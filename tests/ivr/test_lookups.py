"""Proves, against an aiohttp server and SQLite files: answers become typed values; 404, 204, an empty row and missing
results are nothing; slow, long, broken, redirecting and failing services end within the time limit; what callers say is
escaped and bound and reaches neither another path nor the text of a query; a data base is never written to; the
secret is sent as configured and told nowhere; no more is asked at once than allowed; the loop stays free meanwhile.

Does not prove: what a flow makes of the answer (`test_flow_expressions.py`).
"""

import asyncio
import gzip
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from softswitch.config.lookups import Lookup
from softswitch.config.secret import Secret
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.lookup import Result, parameters_of, values_of
from softswitch.ivr.lookups import Lookups

RESULTS = {
    "name": "customer.name",
    "points": "customer.points as number",
    "vip": "customer.vip as yes-no",
    "first": "orders.0.id as number",
}
ANSWER = {"customer": {"name": "Ana", "points": "12", "vip": True}, "orders": [{"id": 7}, {"id": 8}]}
SECRET = Secret(user="", password="hush-hush")


class Service:
    """A web service that remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.seen.append((request.method, request.raw_path, dict(request.headers), body))
        match request.match_info["kind"]:
            case "slow":
                await asyncio.sleep(30)
            case "missing":
                raise web.HTTPNotFound
            case "empty":
                return web.Response(status=204)
            case "broken":
                return web.Response(text="<html>", content_type="text/html")
            case "failing":
                raise web.HTTPInternalServerError
            case "elsewhere":
                raise web.HTTPFound("/ok/1")
            case "long":
                return web.json_response({"customer": {"name": "x" * 100_000}})
            case "other":
                return web.json_response([1, 2])
            case "packed":
                packed = gzip.compress(b'{"customer": {"name": "' + b"x" * 5_000_000 + b'"}}')
                return web.Response(
                    body=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}
                )
            case "deep":
                return web.Response(text="[" * 60_000, content_type="application/json")
        return web.json_response(ANSWER)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Service, str, Lookups]]:
    service, lookups = Service(), Lookups()
    application = web.Application()
    application.router.add_route("*", "/{kind}/{rest:.*}", service.answer)
    server = TestServer(application)
    await server.start_server()
    try:
        yield service, str(server.make_url("")).rstrip("/"), lookups
    finally:
        await lookups.close()
        await server.close()


def lookup(url: str, **more: Any) -> Lookup:
    return Lookup(**{"url": url, "results": RESULTS, "timeout_s": 5.0, **more})


async def test_an_answer_becomes_values() -> None:
    async with serving() as (service, base, lookups):
        number = "+34 6/0?a=1#x%2e%2e/%"
        found = await lookups.ask("crm", lookup(base + "/ok/{number}"), {"number": number}, None)
        assert found == LookedUp(
            answer="found", values={"name": "Ana", "points": 12, "vip": True, "first": 7}
        )
        method, path, headers, _ = service.seen[0]
        assert method == "GET" and path.count("/") == 2 and not set(path) & set("?# ")
        assert unquote(path.removeprefix("/ok/")) == number
        assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("kind", "answer", "problem"),
    [
        ("missing", "none", ""),
        ("empty", "none", ""),
        ("other", "none", ""),
        ("broken", "error", "the answer is not JSON"),
        ("deep", "error", "the answer is not JSON"),
        ("failing", "error", "status 500"),
        ("elsewhere", "error", "status 302"),
        ("long", "error", "the answer is longer than 65536 bytes"),
    ],
)
async def test_what_is_no_answer(kind: str, answer: str, problem: str) -> None:
    async with serving() as (service, base, lookups):
        told = await lookups.ask("crm", lookup(f"{base}/{kind}/1"), {}, None)
        assert (told.answer, told.problem, told.values) == (answer, problem, {})
        assert len(service.seen) == 1


async def test_the_time_limit_holds_and_the_loop_goes_on() -> None:
    async with serving() as (_, base, lookups):
        loop = asyncio.get_running_loop()
        began, turns = loop.time(), 0
        asked = asyncio.ensure_future(lookups.ask("crm", lookup(base + "/slow/1", timeout_s=0.2), {}, None))
        while not asked.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert asked.result().answer == "timeout" and loop.time() - began < 5.0
        assert turns >= 3


async def test_nobody_listens() -> None:
    lookups = Lookups()
    try:
        told = await lookups.ask("crm", lookup("http://127.0.0.1:9/{number}"), {"number": "4711"}, None)
    finally:
        await lookups.close()
    assert told.answer == "error" and "4711" not in told.problem


@pytest.mark.parametrize("number", [".", ".."])
async def test_no_value_leads_to_another_path(number: str) -> None:
    async with serving() as (service, base, lookups):
        told = await lookups.ask("crm", lookup(base + "/ok/a/{number}/b"), {"number": number}, None)
        assert told.answer == "error" and not service.seen


@pytest.mark.parametrize(
    ("auth", "header", "sent"),
    [
        ("bearer", "Authorization", "Bearer hush-hush"),
        ("basic", "Authorization", "Basic bWU6aHVzaC1odXNo"),
        ("header", "X-API-Key", "hush-hush"),
    ],
)
async def test_the_secret_is_sent_and_told_nowhere(auth: str, header: str, sent: str) -> None:
    async with serving() as (service, base, lookups):
        table = lookup(base + "/ok/1", auth=auth, user="me", secret="hush-hush")
        assert (await lookups.ask("crm", table, {}, SECRET)).answer == "found"
        assert service.seen[0][2][header] == sent
        assert "hush" not in repr(table) and "hush" not in repr(SECRET)


async def test_post_sends_the_parameters_as_json() -> None:
    async with serving() as (service, base, lookups):
        await lookups.ask("crm", lookup(base + "/ok/1", method="POST"), {"number": "1", "x": '"'}, None)
        assert service.seen[0][0] == "POST" and service.seen[0][3] == {"number": "1", "x": '"'}


async def test_no_more_at_once_than_allowed() -> None:
    async with serving() as (service, base, lookups):
        table = lookup(base + "/slow/1", parallel=2, timeout_s=0.5)
        answers = await asyncio.gather(*(lookups.ask("crm", table, {}, None) for _ in range(5)))
        assert sorted(each.answer for each in answers) == ["error"] * 3 + ["timeout"] * 2
        again = await lookups.ask("crm", lookup(base + "/ok/1", parallel=2), {}, None)
        assert again.answer == "found" and len(service.seen) == 3


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "crm.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (number TEXT, name TEXT, points INTEGER)")
        connection.executemany(
            "INSERT INTO customer VALUES (?, ?, ?)", [("600", "Ana", 12), ("700", None, 3)]
        )
        connection.commit()
    return f"sqlite:///{path}"


def in_database(database: str, sql: str, **more: Any) -> Lookup:
    results = {"name": "name", "points": "points as number"}
    return Lookup(**{"database": database, "sql": sql, "results": results, "timeout_s": 5.0, **more})


SELECT = "SELECT name, points FROM customer WHERE number = :number"


@pytest.mark.parametrize(
    ("number", "answer", "values"),
    [
        ("600", "found", {"name": "Ana", "points": 12}),
        ("700", "found", {"points": 3}),
        ("800", "none", {}),
        ("600' OR '1'='1", "none", {}),
    ],
)
async def test_a_row_becomes_values(
    database: str, number: str, answer: str, values: dict[str, object]
) -> None:
    lookups = Lookups()
    told = await lookups.ask("crm", in_database(database, SELECT), {"number": number}, None)
    await lookups.close()
    assert (told.answer, told.values) == (answer, values)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM customer",
        "SELECT 1; DELETE FROM customer",
        "ATTACH 'other.db' AS other",
        "PRAGMA journal_mode = DELETE",
        "SELECT nothing FROM customer",
        "WITH a AS (SELECT 1) INSERT INTO customer SELECT 1, 2, 3",
    ],
)
async def test_a_data_base_is_only_read(database: str, sql: str) -> None:
    lookups = Lookups()
    told = await lookups.ask("crm", in_database(database, sql), {}, None)
    await lookups.close()
    assert told.answer == "error" and told.problem
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("SELECT count(*) FROM customer").fetchone() == (2,)


async def test_a_query_without_end_is_ended(database: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS points FROM n"
    lookups, loop = Lookups(), asyncio.get_running_loop()
    began = loop.time()
    told = await lookups.ask("crm", in_database(database, endless, timeout_s=0.3), {}, None)
    assert told.answer == "timeout" and loop.time() - began < 5.0
    after = await lookups.ask("crm", in_database(database, SELECT), {"number": "600"}, None)
    await lookups.close()
    assert after.answer == "found"


async def test_a_data_base_that_is_not_there(tmp_path: Path) -> None:
    lookups = Lookups()
    told = await lookups.ask(
        "crm", in_database(f"sqlite:///{tmp_path}/none.db", SELECT), {"number": "1"}, None
    )
    await lookups.close()
    assert told.answer == "error" and not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("name", ["\udcff", "\ud800", "Ana \udcf1\0"])
async def test_a_caller_whose_name_is_no_text_gets_an_answer_too(database: str, name: str) -> None:
    async with serving() as (service, base, lookups):
        for asked in (
            lookup(base + "/ok/{number}"),
            lookup(base + "/ok/1", method="POST"),
            in_database(database, SELECT),
        ):
            told = await lookups.ask("crm", asked, {"number": name}, None)
            assert told.answer in ("found", "none"), told
        assert len(service.seen) == 2


async def test_what_is_packed_is_not_unpacked() -> None:
    async with serving() as (service, base, lookups):
        told = await lookups.ask("crm", lookup(base + "/packed/1"), {}, None)
        assert told == LookedUp(answer="error", problem="the answer is not JSON")
        assert service.seen[0][2]["Accept-Encoding"] == "identity"


async def test_whatever_goes_wrong_there_is_an_answer() -> None:
    async with serving() as (_, base, lookups):
        await lookups.ask("crm", lookup(base + "/ok/1"), {}, None)
        await lookups.close()
        assert (await lookups.ask("crm", lookup(base + "/ok/1"), {}, None)).answer == "error"


async def test_an_error_tells_nothing_of_the_caller(database: str) -> None:
    path = "SELECT json_extract('{}', :number) AS name"
    lookups = Lookups()
    told = await lookups.ask("crm", in_database(database, path), {"number": "4711"}, None)
    await lookups.close()
    assert told.answer == "error" and told.problem and "4711" not in told.problem


def test_what_is_no_character_stays_out_of_variables() -> None:
    table = lookup("http://x/", results={"name": "name"})
    assert values_of(table, {"name": "A\0b\ud800\r\nX: 1"}) == {"name": "A b   X: 1"}


def test_where_results_stand() -> None:
    assert values_of(lookup("x"), ANSWER) == {"name": "Ana", "points": 12, "vip": True, "first": 7}
    assert values_of(lookup("x"), {"customer": {"name": ["a"], "points": "x", "vip": "never"}}) == {}
    assert values_of(lookup("x"), None) == {}
    for text in ("", "a..b", "a as date", "a b", ".a"):
        with pytest.raises(ValueError, match="is no result"):
            Result.parse(text)


def test_parameters() -> None:
    assert parameters_of("https://x/{number}/{name}?a={number}", "") == {"number", "name"}
    sql = "SELECT ':no', \":no\" FROM t WHERE a = :number -- :no\n AND b = :name /* :no */ AND c::text"
    assert parameters_of("", sql) == {"number", "name"}
