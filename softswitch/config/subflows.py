"""Nodes of flows that call another flow, and that return from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Result = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Goes through another flow and comes back with its result. The other flow has variables of its own."""

    do: Literal["call"] = "call"
    flow: str
    """Name of the flow; at most eight are within each other, and none calls itself."""
    give: Mapping[_Name, str] = field(default_factory=dict)
    """Its variables to expressions: `{ number = "ani" }`."""
    take: Mapping[_Name, str] = field(default_factory=dict)
    """Variables of this flow to its own: `{ customer = "id" }`, taken over when it returns."""
    results: Mapping[_Result, str] = field(default_factory=dict)
    """What it returns to node."""
    next: str = ""
    """Node after any other result; empty hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Goes back to the flow that called this one; ends the call in a flow that nobody called."""

    do: Literal["return"] = "return"
    result: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,31})?$")] = ""
    """One word for what came of it, such as `known`."""
