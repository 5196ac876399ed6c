"""Proves that a bad configuration is told whole: every problem with file, line, key, what was expected and what was
likely meant; that spellings of Asterisk are read; that files of conf.d are put together and clashes named; and that no
text whatever makes the loader fail in another way than by `ConfigError`.

Does not prove each cross-check (`test_config_crosscheck.py`) nor secrets (`test_config_secrets.py`).
"""

import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softswitch.config.documents import Document
from softswitch.config.loader import LoadedConfig, load
from softswitch.config.problem import ConfigError, Finding, Problem, key_of
from softswitch.config.schema import Config


def write(folder: Path, text: str, name: str = "softswitch.toml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def loaded(folder: Path, text: str) -> LoadedConfig:
    return load(write(folder, text))


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text))
    return caught.value.problems


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    result = loaded(tmp_path, "")
    assert result.config == Config()
    assert (result.warnings, result.secrets) == ((), {})


def test_all_problems_come_at_once_with_file_line_and_key(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        [general]
        nod = "x"
        max_calls = "many"
        timezone = "Europe/Madird"

        [agent.a]
        name = "A"

        [queue.sales]
        strategy = "longest-idel"
        members = [
          { agent = "a" },
          { agent = "b", penalty = 1.5 },
        ]
        on_timeout = "queue:sale"
        weight = true

        [route.1]
        to = "nowhere"
        """,
    )
    file = str(tmp_path / "softswitch.toml")
    assert {(problem.file, problem.line, problem.key) for problem in found} == {
        (file, 2, "general.nod"),
        (file, 3, "general.max_calls"),
        (file, 4, "general.timezone"),
        (file, 6, "agent.a.endpoint"),
        (file, 10, "queue.sales.strategy"),
        (file, 13, "queue.sales.members[1].penalty"),
        (file, 15, "queue.sales.on_timeout"),
        (file, 16, "queue.sales.weight"),
        (file, 19, "route.1.to"),
    }
    by_key = {problem.key: problem for problem in found}
    assert by_key["general.nod"].did_you_mean == "node"
    assert by_key["general.max_calls"].expected == "a whole number"
    assert by_key["agent.a.endpoint"].message == "is missing"
    assert by_key["queue.sales.strategy"].did_you_mean == "longest-idle"
    assert "round-robin" in by_key["queue.sales.strategy"].expected
    assert by_key["queue.sales.on_timeout"].did_you_mean == "sales"
    assert "Europe/Madrid" in by_key["general.timezone"].message
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_the_error_reads_as_a_list(tmp_path: Path) -> None:
    file = write(tmp_path, '[sip]\nrealn = "x"\n')
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value) == (
        f"the configuration has 1 problem:\n  {file}:2: sip.realn: is no key here; did you mean 'realm'?"
    )


def test_a_table_left_out_for_its_own_fault_is_not_missed_by_others(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        [agent.a]
        nam = "A"
        [queue.q]
        members = [{ agent = "a" }]
        """,
    )
    assert {problem.key for problem in found} == {"agent.a.nam", "agent.a.endpoint"}


def test_nodes_of_flows_are_judged_by_their_kind(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        [flow.m]
        start = "x"
        [flow.m.node.x]
        do = "pley"
        [flow.m.node.y]
        prompt = "a"
        [flow.m.node.z]
        do = "play"
        prompt = 5
        next = "y"
        queue = "sales"
        [flow.m.node.w]
        do = "menu"
        prompt = "a"
        keys = { x = "y" }
        """,
    )
    by_key = {problem.key: problem for problem in found}
    assert by_key["flow.m.node.x.do"].did_you_mean == "play"
    assert by_key["flow.m.node.x.do"].line == 4
    assert by_key["flow.m.node.y"].message.startswith("lacks `do`")
    assert by_key["flow.m.node.z.prompt"].line == 9
    assert by_key["flow.m.node.z.queue"].message == "is no key here"
    assert by_key["flow.m.node.w.keys.x"].line == 15


def test_asterisks_spellings_are_read(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """\
        [endpoint.1]
        contact = "sip:1@192.0.2.1"
        [agent.a]
        endpoint = "1"
        [queue.q]
        strategy = "leastrecent"
        announce-frequency = 15
        announce-position = "no"
        joinempty = true
        autopause = "yes"
        members = [{ agent = "a" }]
        [queue.r]
        strategy = "rrmemory"
        joinempty = false
        members = [{ agent = "a" }]
        [queue.s]
        strategy = "ringall"
        joinempty = "strict"
        members = [{ agent = "a" }]
        [queue.t]
        strategy = "fewestcalls"
        members = [{ agent = "a" }]
        [calendar.c]
        closed = [2026-12-24]
        """,
    ).config
    queue = config.queue["q"]
    assert (queue.strategy, queue.joinempty, queue.autopause) == ("longest-idle", "yes", 1)
    assert (queue.announce_frequency, queue.announce_position) == (15.0, False)
    assert (config.queue["r"].strategy, config.queue["r"].joinempty) == ("round-robin", "no")
    assert (config.queue["s"].strategy, config.queue["s"].joinempty) == ("ring-all", "no")
    assert config.queue["t"].strategy == "fewest-calls"
    assert config.calendar["c"].closed == ("2026-12-24",)


def test_dashes_belong_to_keys_and_not_to_names(tmp_path: Path) -> None:
    config = loaded(tmp_path, "[message.after-hours]\nmax-s = 10\n").config
    assert config.message["after-hours"].max_s == 10
    found = problems(tmp_path, "[message.m]\nmax-s = 10\nmax_s = 20\n")
    assert [(problem.line, problem.key) for problem in found] == [(3, "message.m.max_s")]
    assert "given twice" in found[0].message


def test_fragments_are_put_together(tmp_path: Path) -> None:
    write(tmp_path, '[endpoint.1002]\ncontact = "sip:2@192.0.2.1"\n', "conf.d/b.toml")
    write(tmp_path, '[endpoint.1001]\ncontact = "sip:1@192.0.2.1"\n[sip]\nrealm = "x"\n', "conf.d/a.toml")
    write(tmp_path, "this is not read", "conf.d/a.toml.orig")
    result = loaded(tmp_path, "[sip]\nt1_ms = 400\n")
    assert set(result.config.endpoint) == {"1001", "1002"}
    assert (result.config.sip.realm, result.config.sip.t1_ms) == ("x", 400)
    assert [file.name for file in result.files] == ["softswitch.toml", "a.toml", "b.toml"]


def test_a_key_in_two_files_names_both(tmp_path: Path) -> None:
    fragment = write(tmp_path, '[sip]\n\nuser-agent = "b"\n', "conf.d/a.toml")
    found = problems(tmp_path, '[sip]\nuser_agent = "a"\n')
    assert [(problem.file, problem.line, problem.key) for problem in found] == [
        (str(fragment), 3, "sip.user-agent")
    ]
    assert f"{tmp_path / 'softswitch.toml'}:2" in found[0].message


def test_a_problem_in_a_fragment_has_the_fragments_line(tmp_path: Path) -> None:
    fragment = write(tmp_path, '\n\n[queue.q]\non_full = "queue:p"\n', "conf.d/q.toml")
    found = problems(tmp_path, "")
    assert [(problem.file, problem.line) for problem in found] == [(str(fragment), 4)]


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (b'[sip]\nrealm = "x\n', 2, "the closing quote is missing"),
        (b"[sip]\nt1_ms = 1\nt1_ms = 2\n", 3, "the key stands here twice"),
        (b"[sip]\n[rtp]\n[sip]\n", 3, "the table stands in the file already"),
        (b"[sip]\nrealm = home\n", 2, "text stands in quotes"),
        (b"[sip\n", 1, "the closing bracket is missing"),
        (b'[route.+34911]\nto = "hangup"\n', 1, 'stands in quotes, [route."+34911"]'),
        (b'[sip]\nrealm = "\xff"\n', 2, "is not UTF-8"),
        (b"a = " + b"[" * 100_000, 0, "is nested too deep"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, content: bytes, line: int, said: str) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.line == line or line == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_further_checks_are_told_beside_the_loaders_own(tmp_path: Path) -> None:
    def check(config: Config) -> list[Finding]:
        return [
            Finding(path=("queue", "q", "music"), message="there is no such prompt"),
            Finding(path=("queue", "q", "on_full"), message="said already"),
        ]

    file = write(tmp_path, '[queue.q]\nmusic = "x"\non_full = "queue:p"\n')
    with pytest.raises(ConfigError) as caught:
        load(file, checks=(check,))
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (2, "there is no such prompt"),
        (3, "there is no queue 'p'"),
    ]


WORDS = st.sampled_from(
    [
        "sip",
        "rtp",
        "queue",
        "q",
        "listen",
        "ports",
        "members",
        "agent",
        "strategy",
        "flow",
        "m",
        "node",
        "do",
        "keys",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
TOP = st.dictionaries(st.sampled_from([*Config.__dataclass_fields__, "other"]), VALUES, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=TOP)
def test_any_value_loads_or_is_told_as_problems(tmp_path: Path, value: dict[str, object]) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_text("\n".join(f"{key} = {toml(item)}" for key, item in value.items() if item is not None))
    try:
        load(file)
    except ConfigError as error:
        assert error.problems
        assert all(problem.line or not problem.key for problem in error.problems), str(error)


def toml(item: object) -> str:
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, str):
        return (
            '"'
            + "".join(f"\\U{ord(letter):08x}" for letter in item if not 0xD800 <= ord(letter) < 0xE000)
            + '"'
        )
    if isinstance(item, list):
        return "[" + ", ".join(toml(each) for each in item if each is not None) + "]"
    if isinstance(item, dict):
        return (
            "{" + ", ".join(f"{key} = {toml(each)}" for key, each in item.items() if each is not None) + "}"
        )
    return str(item)


def test_lines_of_every_form_of_key() -> None:
    text = textwrap.dedent(
        '''\
        top = 1 # a = 2
        "quoted key".x = """
        y = 3
        """
        [a.b]
        list = [ # [not.a.table]
          "],", { in = 1 },
        ]
        inline = { x = 1, "y.z" = [ 1 ] }
        [[a.c]]
        k = 1
        [[a.c]]
        k = \'\'\'
        it''s
        \'\'\'
        [a.c.d]
        when = 2026-05-29 14:30:00
        '''
    )
    document, _ = Document.parse("f", text.encode())
    assert document.lines == {
        ("top",): 1,
        ("quoted key",): 2,
        ("quoted key", "x"): 2,
        ("a",): 5,
        ("a", "b"): 5,
        ("a", "b", "list"): 6,
        ("a", "b", "list", 0): 7,
        ("a", "b", "list", 1): 7,
        ("a", "b", "list", 1, "in"): 7,
        ("a", "b", "inline"): 9,
        ("a", "b", "inline", "x"): 9,
        ("a", "b", "inline", "y.z"): 9,
        ("a", "b", "inline", "y.z", 0): 9,
        ("a", "c"): 10,
        ("a", "c", 0): 10,
        ("a", "c", 0, "k"): 11,
        ("a", "c", 1): 12,
        ("a", "c", 1, "k"): 13,
        ("a", "c", 1, "d"): 16,
        ("a", "c", 1, "d", "when"): 17,
    }


def test_keys_are_written_as_in_toml() -> None:
    assert key_of(("route", "+34911", "source", 0)) == 'route."+34911".source[0]'


def test_what_text_must_look_like_is_told_in_words(tmp_path: Path) -> None:
    [found] = problems(
        tmp_path,
        """\
        [flow.f]
        start = "ask"
        [flow.f.node.ask]
        do = "menu"
        prompt = "menu"
        keys = { "12" = "ask" }
        """,
    )
    assert (found.line, found.key) == (6, "flow.f.node.ask.keys.12")
    assert found.expected == "one key: 0 to 9, *, #, A to D"
