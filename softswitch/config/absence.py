"""Who counts as absent when a queue asks whether anybody is there: Asterisk's words for `joinempty` and `leavewhenempty`.

An agent who is logged out, or who may not serve the caller (`penalty`, `invalid`), is always absent; `unknown` is a state
of a channel that no agent of ours is ever in. These words are read and change nothing.
"""

from softswitch.config.problem import nearest

FACTORS = frozenset({"paused", "inuse", "ringing", "unavailable", "wrapup"})
_ALWAYS = frozenset({"penalty", "invalid", "unknown"})
_WORDS = {
    "logged-in": frozenset[str](),
    "loose": frozenset[str](),
    "strict": frozenset({"paused", "unavailable"}),
}


def absent_when(value: bool | str, *, joining: bool) -> frozenset[str] | None:
    """The states in which an agent does not count; None: nobody is asked for. Raises ValueError at any other word."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if value == ("yes" if joining else "no"):
        return None
    if value in ("yes", "no"):
        return _WORDS["strict"] if joining else _WORDS["loose"]
    if value in _WORDS:
        return _WORDS[value]
    words = [word.strip() for word in value.split(",")]
    for word in words:
        if word not in FACTORS | _ALWAYS:
            known = sorted((FACTORS | _ALWAYS) | {"yes", "no"} | set(_WORDS))
            meant = nearest(word, known)
            raise ValueError(
                f"{word!r} is no state of agents; expected yes, no, strict, loose, logged-in or words of "
                f"{', '.join(sorted(FACTORS | _ALWAYS))}" + (f"; did you mean {meant!r}?" if meant else "")
            )
    return frozenset(words) & FACTORS
