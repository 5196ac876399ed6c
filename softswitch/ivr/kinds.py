"""Kinds of nodes that have a file of their own, one line each: what is told here is all that the room asks of a kind.

The oldest kinds stand in `step.py`, `edges.py` and `check_node.py` themselves; each of those falls back to this table.
"""

from collections.abc import Mapping
from typing import Any

from softswitch.config.language_node import Language
from softswitch.config.lookups import LookUp
from softswitch.config.voice_nodes import Directory, Hear, Speak
from softswitch.ivr.directory import DIRECTORY
from softswitch.ivr.hearing import HEAR
from softswitch.ivr.kind import Kind
from softswitch.ivr.language import LANGUAGE
from softswitch.ivr.lookup import LOOKUP
from softswitch.ivr.speak import SPEAK

KINDS: Mapping[type[Any], Kind] = {
    Language: LANGUAGE,
    LookUp: LOOKUP,
    Speak: SPEAK,
    Directory: DIRECTORY,
    Hear: HEAR,
}
"""Class of the node in the configuration to what it does."""


def kind_of(node: object) -> Kind:
    return KINDS[type(node)]
