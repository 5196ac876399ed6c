"""Lookups: what flows ask of web services and data bases, with the limits within which the answer must come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Either `url` or `database` and `sql`. `{name}` in them is a parameter that the node gives."""

    url: str = ""
    """`https://crm.example/customers/{number}`; values are escaped, and stand behind the host only."""
    method: Literal["GET", "POST"] = "GET"
    """POST sends the parameters as a JSON object."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers of the request, as they are."""
    auth: Literal["none", "bearer", "basic", "header"] = "none"
    """How the secret is sent: as `Authorization: Bearer`, with `user`, or in `secret_header`."""
    user: str = ""
    """User of `basic`."""
    secret_header: str = "X-API-Key"
    """Header of `header`."""
    secret: str = field(default="", repr=False)
    """The secret itself; better in `secret_file`."""
    secret_file: str = ""
    """File whose first line is the secret, beside this one."""
    database: str = ""
    """`sqlite:///PATH`, opened for reading only."""
    sql: str = ""
    """One SELECT; parameters are written `:number` and are never part of the text. The first row counts."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    """After so long the caller goes on without an answer."""
    max_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 65536
    """Longer answers are an error."""
    parallel: Annotated[int, Field(ge=1, le=1000)] = 50
    """Asked at once by all calls together; one more is an error at once."""
    results: Mapping[_Name, str] = field(default_factory=dict)
    """Variables to where they stand in the answer: `customer.name`, `orders.0.id` in JSON, the column in SQL; with a type
    behind it where it is no text: `balance as number`, `vip as yes-no`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Asks a lookup; its results become variables. What it does not find is not set; what was set before is forgotten."""

    do: Literal["lookup"] = "lookup"
    lookup: str
    """Name of the lookup (`[lookup.NAME]`)."""
    give: Mapping[_Name, str] = field(default_factory=dict)
    """Its parameters to expressions: `{ number = "ani" }`; a variable of the same name where none is given."""
    next: str
    """Node when something was found, and after everything else that has no node here."""
    on_none: str = ""
    """Node when there is nothing: 404, no row, or none of the results."""
    on_timeout: str = ""
    """Node when no answer came in time; empty: that of `on_error`."""
    on_error: str = ""
    """Node when it failed."""
