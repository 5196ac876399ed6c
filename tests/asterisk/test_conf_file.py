"""Proves that Asterisk's files are read as Asterisk reads them: comments and block comments, templates, additions,
includes, escapes, appended values; that what cannot be read is told with file and line; and that nothing runs away.

Does not prove the meaning of any key.
"""

import pytest

from softswitch.asterisk.conf_file import ConfFile, parse


def read(text: str, **files: str) -> ConfFile:
    return parse("main.conf", text, lambda name: [(name, files[name])] if name in files else [])


def pairs(conf: ConfFile, place: int = 0) -> list[tuple[str, str]]:
    return [(entry.key, entry.value) for entry in conf.real[place].entries]


def test_sections_keys_and_comments() -> None:
    conf = read("; nothing\n[a] ; head\nx = 1 ; tail\n y=>two words\nz = a\\;b\n[b]\nempty =\n")
    assert [section.name for section in conf.real] == ["a", "b"]
    assert pairs(conf) == [("x", "1"), ("y", "two words"), ("z", "a;b")]
    assert pairs(conf, 1) == [("empty", "")]
    assert conf.real[0].entries[1].line == 4 and conf.troubles == []


def test_block_comments() -> None:
    conf = read(
        "[a]\nx = 1 ;-- gone\n[b]\ny = 2\n--; z = 3\n;--- a ruler, no block\nw = 4\n;-- one line --; v = 5\n"
    )
    assert pairs(conf) == [("x", "1"), ("z", "3"), ("w", "4"), ("v", "5")]


def test_nested_block_comments() -> None:
    conf = read("[a]\n;-- out ;-- in --; still out --;\nx = 1\n")
    assert pairs(conf) == [("x", "1")]


def test_templates_and_what_a_section_says_itself() -> None:
    conf = read("[base](!)\nx = 1\ny = 1\n[more](!,base)\ny = 2\n[a](more)\nz = 3\n[b](base,more)\n")
    assert [section.name for section in conf.real] == ["a", "b"]
    assert pairs(conf) == [("x", "1"), ("y", "1"), ("y", "2"), ("z", "3")]
    assert conf.real[0].last("y") == "2"
    assert conf.real[0].entries[0].line == 2


def test_additions_go_to_the_section_that_is_there() -> None:
    conf = read("[a]\ntype=aor\n[a]\ntype=auth\n[a](+)\nx = 1\n[a](+type=aor)\ny = 2\n[none](+)\nz = 1\n")
    assert pairs(conf) == [("type", "aor"), ("y", "2")]
    assert pairs(conf, 1) == [("type", "auth"), ("x", "1")]
    assert [(each.line, each.why) for each in conf.troubles] == [(9, "adds to a section that is not there")]


def test_values_are_appended() -> None:
    conf = read("[t](!)\nallow = ulaw\n[a](t)\nallow += ,alaw\nnew += 1\n")
    assert pairs(conf) == [("allow", "ulaw,alaw"), ("new", "1")]


def test_includes_with_their_own_lines() -> None:
    text = '#include "one.conf"\n[b]\n#tryinclude none.conf\n#include gone.conf\n#exec rm -rf /\nz = 1\n'
    conf = read(text, **{"one.conf": "[a]\nx = 1\n"})
    assert [section.name for section in conf.real] == ["a", "b"]
    assert (conf.real[0].entries[0].file, conf.real[0].entries[0].line) == ("one.conf", 2)
    assert [(each.line, each.text, each.why) for each in conf.troubles] == [
        (4, "#include gone.conf", "does not exist"),
        (5, "#exec rm -rf /", "is not run"),
    ]


def test_a_file_that_includes_itself_ends() -> None:
    conf = read("[a]\n#include main.conf\n", **{"main.conf": "x = 1\n#include main.conf\n"})
    assert any("include each other" in each.why for each in conf.troubles)


@pytest.mark.parametrize(("text", "why"), [("x = 1\n", "before the first section"), ("[a]\nnonsense\n", "neither"),
                                           ("[a](gone)\n", "no template 'gone'")])  # fmt: skip
def test_what_cannot_be_read_is_told(text: str, why: str) -> None:
    [trouble] = read(text).troubles
    assert why in trouble.why and trouble.file == "main.conf" and trouble.line
