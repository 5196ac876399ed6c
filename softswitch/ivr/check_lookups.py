"""What is wrong in the tables of lookups: one of two kinds, an address no caller can change, results that can be read."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from softswitch.config.lookups import Lookup
from softswitch.ivr.fault import Fault
from softswitch.ivr.lookup import Result


def check_lookups(lookups: Mapping[str, Lookup]) -> Iterator[tuple[str, Fault]]:
    """(name, fault)."""
    for name, lookup in lookups.items():
        for fault in (*_kind(lookup), *_results(lookup), *_secret(lookup)):
            yield name, fault


def _kind(lookup: Lookup) -> Iterator[Fault]:
    if bool(lookup.url) == bool(lookup.database):
        yield Fault("url", "a lookup has either `url`, or `database` and `sql`")
        return
    if lookup.database:
        if not lookup.database.startswith("sqlite:///") or lookup.database == "sqlite:///":
            yield Fault("database", f"{lookup.database!r} cannot be used; expected sqlite:///PATH")
        first = lookup.sql.split(None, 1)[0].lower() if lookup.sql.strip() else ""
        if first not in ("select", "with"):
            yield Fault("sql", "expected one SELECT")
        return
    if lookup.sql:
        yield Fault("sql", "means nothing beside `url`")
    yield from _address(lookup.url)


def _address(url: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        yield Fault("url", f"{url!r} is no address: {error}")
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield Fault("url", f"{url!r} is no address; expected https://HOST/PATH/{{number}}")
    elif "{" in parts.netloc:
        yield Fault("url", "the host cannot come from a call; expected parameters behind it only")
    elif parts.username or parts.password:
        yield Fault("url", 'holds a password; expected auth = "basic", user and secret_file')


def _results(lookup: Lookup) -> Iterator[Fault]:
    for name, text in lookup.results.items():
        try:
            Result.parse(text)
        except ValueError as error:
            yield Fault(f"results.{name}", str(error))


def _secret(lookup: Lookup) -> Iterator[Fault]:
    given = bool(lookup.secret or lookup.secret_file)
    if lookup.auth != "none" and not given:
        yield Fault("auth", f"{lookup.auth} needs a secret, which is not there; expected secret_file")
    if given and lookup.auth == "none":
        yield Fault("auth", "the secret is sent nowhere; expected bearer, basic or header", "warning")
    if given and lookup.url.startswith("http://"):
        yield Fault("url", "sends the secret in clear; expected https", "warning")
