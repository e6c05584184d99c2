"""Paths as the most forgiving reader takes them, and the patterns over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.workspace import attributes, links, secrecy, spelling
from jobs.workspace.rules import ABSENT, Change, PatchRules, Tree, tree_violations

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u202e\u00ad\U000e0041"


@given(st.text())
def test_any_path_has_one_plain_reading(path: str):
    """Reading a reading again changes nothing, whatever the path is."""
    once = spelling.plain(path)
    assert spelling.plain(once) == once


@given(st.data())
def test_a_protected_path_is_found_in_any_disguise(data: st.DataObject):
    """Case, invisible characters, trailing dots and the other slash do not hide a workflow."""
    path = ".github/workflows/ci.yml"
    disguised = ""
    for character in path:
        disguised += data.draw(st.sampled_from([character.upper(), character]))
        disguised += data.draw(st.text(INVISIBLE, max_size=2))
    disguised = disguised.replace("/", data.draw(st.sampled_from(["/", "\\", "./", " /", "//", ":x/"])))
    change = Change(disguised, ABSENT, "100644", "", "1")
    found = tree_violations(Tree([change], [disguised], {}, {}, {}, {}), PatchRules(protected=()))
    assert "protected" in found[0].rule


@given(st.text(), st.text())
def test_no_pattern_is_too_odd(pattern: str, path: str):
    """Any text may be a pattern, and a pattern without wildcards protects the path that it spells."""
    spelling.fixed_folders(pattern)
    spelling.glob(pattern).fullmatch(spelling.plain(path))
    if spelling.plain(path) and not set("*?") & set(spelling.plain(path)):
        assert spelling.glob(f"/{path}").fullmatch(spelling.plain(path))


@given(st.dictionaries(st.text(max_size=8), st.text(alphabet="ab./", max_size=12), max_size=6))
def test_any_set_of_links_is_judged(targets: dict[str, str]):
    """No set of links makes the walk endless."""
    judged = links.Links(targets)
    for path in targets:
        assert isinstance(judged.fault(path), str)


@given(st.binary())
def test_any_bytes_may_be_attributes_or_hold_secrets(content: bytes):
    """Neither reader fails on anything that a file may hold."""
    attributes.dangerous(content, attributes.dangerous_macros(content))
    assert secrecy.leak(content, content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"key = 'AKIAIOSFODNN7EXAMPLE'",
        b"if text.startswith('ghp_'): ...",
        b"PEM = '-----BEGIN PRIVATE KEY-----'",
        b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
        b"sk-ant-xxx",
        b"weighs_12345678901234567890123",
        b"weighs_total_in_kilograms_per_2_items",
        b"GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        b"export KEY=sk-ant-api03-your-key-goes-here-1234",
        b"token: github_pat_EXAMPLE_EXAMPLE_EXAMPLE",
        b"slack: xoxb-1111111111-1111111111-aaaaaaaaaaaa",
        b"jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'",
        b"url = 'postgresql://postgres:postgres@localhost/test'",
        b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg...\n-----END PRIVATE KEY-----",
    ],
)
def test_what_only_talks_of_secrets_is_fine(content: bytes):
    """Examples from documentation, prefixes and public keys are no secrets."""
    assert secrecy.leak(content) is None


@pytest.mark.parametrize(
    "name",
    [
        "app.py",
        "a b.txt",
        "日本/语.md",
        "häß",
        "-n",
        "a~b",
        ".gitignore",
        ".github/dependabot.yml",
        "C++/x+y@2.h",
        "v1~2.log.txt",
    ],
)
def test_ordinary_names_are_fine(name: str):
    """Names in any language and with usual punctuation are not odd, and no spelling of .git."""
    assert spelling.odd_name(name) == ""
    assert not spelling.is_git_folder(name)
    assert not spelling.is_submodule_list(name)
