"""Problems of a configuration as lines of text."""

from collections.abc import Mapping
from typing import Any

from softswitch.config.problem import Problem


def problem_line(problem: Mapping[str, Any]) -> str:
    """As `Problem` prints itself, from the API's JSON."""
    return str(Problem(**problem))
