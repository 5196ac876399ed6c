"""What the doctor finds: one line each, with what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    state: str
    """`ok`, `warning` or `failed`."""
    found: str
    advice: str = ""


def good(name: str, found: str) -> Check:
    return Check(name=name, state="ok", found=found)


def warning(name: str, found: str, advice: str = "") -> Check:
    return Check(name=name, state="warning", found=found, advice=advice)


def failed(name: str, found: str, advice: str = "") -> Check:
    return Check(name=name, state="failed", found=found, advice=advice)
