"""Proves that QPanel, a wallboard for Asterisk's queues which others wrote (github.com/roramirez/qpanel, MIT), takes every
line of our queue_log in with its own parser and comes to the figures of our own rows with its own queries.

    git clone https://github.com/roramirez/qpanel
    QPANEL=$PWD/qpanel python -m pytest tests/story/test_queue_log_qpanel.py

Its modules that know a configuration file and a MySQL server are replaced by an SQLite one in memory; `tailer`, of which it
uses nothing here, need not be installed. Does not prove what its pages show.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from queue_log_day import DAY, day_of_every_fate, lines
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker
from story_floor import Centre, told

CHECKOUT = os.environ.get("QPANEL", "")
FIELDS = ("callid", "queuename", "agent", "event", *(f"data{n}" for n in range(1, 6)))
pytestmark = pytest.mark.skipif(
    not CHECKOUT, reason="QPANEL names no checkout of github.com/roramirez/qpanel"
)


@contextmanager
def qpanel() -> Iterator[SimpleNamespace]:
    """Its parser (a click command) and its model, on a database of their own."""
    engine = create_engine("sqlite://")
    metadata = MetaData()
    session = scoped_session(sessionmaker(bind=engine))
    package = ModuleType("qpanel")
    package.__path__ = [str(Path(CHECKOUT) / "qpanel")]
    libs = ModuleType("libs")
    libs.__path__ = []
    config = module(
        "qpanel.config", QPanelConfig=lambda: SimpleNamespace(get=lambda section, key: "queue_log")
    )
    database = module(
        "qpanel.database",
        session_db=session,
        metadata=metadata,
        DeclarativeBase=declarative_base(metadata=metadata),
    )
    utils = module(
        "qpanel.utils", dt=lambda epoch: str(datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None))
    )
    package.utils = utils  # type: ignore[attr-defined]
    replaced = {one.__name__: one for one in (package, libs, config, database, utils, module("tailer"))}
    with patch.dict(sys.modules, {**replaced, "libs.qpanel": package}):
        model = importlib.import_module("qpanel.model")
        package.model = model  # type: ignore[attr-defined]
        parser = importlib.import_module("qpanel.parser_queuelog")
        metadata.create_all(engine)
        yield SimpleNamespace(parser=parser, model=model)
    session.remove()
    engine.dispose()


def module(name: str, **holds: Any) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(holds)
    return made


def taken_by_qpanel(written: list[str]) -> list[str]:
    """It takes lines of one second, call, queue and verb for one: of members who log in together it keeps the first."""
    first: dict[tuple[str, ...], str] = {}
    for line in written:
        time, call, queue, _, verb, *_ = line.split("|")
        first.setdefault((time, call, queue, verb), line)
    return list(first.values())


@told(DAY)
async def test_qpanel_comes_to_our_figures(c: Centre) -> None:
    await day_of_every_fate(c)
    with qpanel() as theirs:
        told_it = CliRunner().invoke(theirs.parser.parse, ["--file", str(c.switch.folder / "queue_log")])
        assert told_it.exception is None, told_it.output
        told = taken_by_qpanel(lines(c))
        assert (
            f"Insert record: {len(told)}\nNo inserted record: {len(lines(c)) - len(told)}" in told_it.output
        )
        taken = theirs.model.queuelog_event_by_range_and_types(None, None)
        read = ["|".join(getattr(row, name) for name in FIELDS).rstrip("|") for row in taken]
        figures = theirs.model.queuelog_data_queue(None, None, queue="sales")
    assert read == [line.split("|", 1)[1] for line in told]
    assert len(told) > 12
    visits = [row for row in await c.visits() if row["outcome"] != "full"]
    answered = [row for row in visits if row["outcome"] == "answered"]
    lost = [row for row in visits if row["outcome"] != "answered"]
    assert (figures["inbound"], figures["answered"], figures["count_abandon"]) == (3, 1, 2)
    assert (len(visits), len(answered), len(lost)) == (3, 1, 2)
    assert figures["seconds_talking"] == sum(int(row["talk_s"] + row["hold_s"]) for row in answered)
    assert figures["seconds_wait"] == sum(int(row["wait_s"]) for row in answered)
    assert figures["seconds_wait_abandon"] == sum(int(row["wait_s"]) for row in lost)
