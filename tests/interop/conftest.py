"""Fixtures for tests against the running switch; every test here is marked `interop`."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tools.peers.forked import Nursery
from tools.peers.switch import StartSwitch, Switch, executed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session", autouse=True)
def _forked_switches() -> Iterator[None]:
    """`make demo` starts one as its users do."""
    Switch.launch = Nursery().start
    yield
    Switch.launch = staticmethod(executed)


@pytest.fixture
def start_switch(tmp_path: Path) -> Iterator[StartSwitch]:
    """Start switches of a configuration each; all are stopped at the end, and their logs must be clean."""
    with ExitStack() as stack:

        def start(config: Mapping[str, Any], *, name: str = "switch", **more: Any) -> Switch:
            return stack.enter_context(Switch(tmp_path / name, config, **more))

        yield start
