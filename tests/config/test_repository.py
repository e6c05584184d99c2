"""The repository file: what is taken, and how each mistake is told."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import repository
from config.repository import RepositoryConfigError, defaults, parse
from jobs import types

DEFAULTS = (Path(repository.__file__).parent / "defaults.yml").read_text()

FULL = """
labels: [robot]
mode: conservative
base_branch: develop
merge: rebase
image: registry.example.com/team/box:1.2
setup:
  - pip install -e .
checks: [make lint, make test]
hosts:
  setup: [packages.example.com, "*.example.org"]
protected: ["infrastructure/**"]
limits:
  run: {dollars: 2.5, steps: 20}
  tasks: {actor: 1}
allow: {logins: [ada], teams: [octo/reviewers], bots: [29110]}
models:
  code: [claude-opus-5-5, "openai:qwen3-coder"]
  review: claude-haiku-5-5
"""


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "\ufeff# with a byte order mark"])
def test_an_empty_file_means_the_defaults(text: str) -> None:
    """No options, no change."""
    assert parse(text) == defaults()


def test_the_defaults_are_safe() -> None:
    """No host is open, nobody is let in, our own file and the workflows are protected, one run costs what a run may."""
    config = defaults()
    assert config.hosts == repository.Hosts((), ())
    assert config.allow == repository.Allow((), (), ())
    assert {".github/workflows/**", ".github/opus67.yml"} <= set(config.protected)
    assert types.Limits(**dataclasses.asdict(config.limits.run)) == types.Limits()
    assert (config.labels, config.merge) == (("assign-to-opus", "opus-agent"), "squash")


def test_a_full_file_is_taken_and_the_rest_stays() -> None:
    """Each option changes what it names, and nothing beside it."""
    config = parse(FULL)
    assert (config.labels, config.mode, config.base_branch) == (("robot",), "conservative", "develop")
    assert (config.checks, config.merge) == (("make lint", "make test"), "rebase")
    assert config.hosts == repository.Hosts(("packages.example.com", "*.example.org"), ())
    assert config.limits.run == repository.RunLimits(2.5, 20_000_000, 20, 60.0)
    assert (config.limits.tasks.actor, config.limits.tasks.repository) == (1, 3)
    assert config.models.code == ("claude-opus-5-5", "openai:qwen3-coder")
    assert (config.models.plan, config.models.review) == ((), ("claude-haiku-5-5",))
    assert config.allow.bots == (29110,)


def test_protected_paths_are_added_to_those_that_always_hold() -> None:
    """A repository can protect more, never less."""
    assert parse("protected: [a/**]").protected == (*defaults().protected, "a/**")
    assert parse("protected: []").protected == defaults().protected


def test_no_checks_is_not_the_same_as_not_said() -> None:
    """An empty list switches the checks off; null has them found out."""
    assert parse("checks: []").checks == ()
    assert parse("checks:").checks is None


@pytest.mark.parametrize(
    ("text", "line", "path", "said"),
    [
        ("lables: [a]", 1, "lables", "Did you mean `labels`?"),
        ("mode: balanced\ndollars: 5", 2, "dollars", "It belongs under `limits.run`"),
        ("limits:\n  run:\n    dolars: 5", 3, "limits.run.dolars", "Did you mean `dollars`?"),
        ("limits:\n  run:\n    dollars: '5'", 3, "limits.run.dollars", "`dollars: 5`"),
        ("limits: {run: {dollars: 100.5}}", 1, "limits.run.dollars", "at most 100"),
        ("merge: yes", 1, "merge", "`merge: squash`"),
        ("merge: Squash", 1, "merge", "`merge: squash`"),
        ("merge: null", 1, "merge", "`merge: squash`"),
        ("ci: {own: yes}", 1, "ci.own", "`own: true`"),
        ("ci: {own: 'true'}", 1, "ci.own", "true or false"),
        ("ci: {own: [true]}", 1, "ci.own", "a list"),
        ("conflicts: 1", 1, "conflicts", "“1”"),
        ("ci: on", 1, "ci", "group of options"),
        ("reviews: {approve: true}", 1, "reviews.approve", "reviews"),
        ("limits: {run: {steps: 0}}", 1, "limits.run.steps", "more than 0"),
        ("limits: {run: {steps: 1.5}}", 1, "limits.run.steps", "whole number"),
        ("limits: {run: {steps: yes}}", 1, "limits.run.steps", "whole number"),
        ("limits: {run: {dollars: .inf}}", 1, "limits.run.dollars", "number is expected"),
        ("limits: {run: {dollars: .nan}}", 1, "limits.run.dollars", "number is expected"),
        ("limits: 5", 1, "limits", "group of options"),
        ("labels: robot", 1, "labels", "`labels: [assign-to-opus]`"),
        ("labels: [[a]]", 1, "labels[0]", "a list"),
        ("labels:\n- ok\n- 7", 3, "labels[1]", 'quotes: "7"'),
        ("mode: on", 1, "mode", "`mode: conservative`"),
        ("mode: wild", 1, "mode", "“wild” is not one of"),
        ("base_branch: 1.10", 1, "base_branch", 'quotes: "1.10"'),
        ("base_branch: -evil", 1, "base_branch", "branch"),
        ("base_branch: a..b", 1, "base_branch", "branch"),
        ("setup:", 1, "setup", "this is nothing"),
        ('setup: ["a\\0b"]', 1, "setup[0]", "command line"),
        ("hosts: {work: [https://x.com/]}", 1, "hosts.work[0]", "without scheme"),
        ("hosts: {work: [10.0.0.1]}", 1, "hosts.work[0]", "host's name"),
        ("hosts: {work: [localhost]}", 1, "hosts.work[0]", "host's name"),
        ('hosts: {work: ["*"]}', 1, "hosts.work[0]", "host's name"),
        ('hosts: {work: ["*.com"]}', 1, "hosts.work[0]", "host's name"),
        ("hosts:\n  work:\n  - *.x.com", 3, "", "into quotes"),
        ("hosts: [x.com]", 1, "hosts", "setup: …"),
        ('protected: ["../x"]', 1, "protected[0]", "inside the repository"),
        ('protected: ["/etc"]', 1, "protected[0]", "inside the repository"),
        ("allow: {bots: [dependabot]}", 1, "allow.bots[0]", "`- 29110`"),
        ("allow: {teams: [reviewers]}", 1, "allow.teams[0]", "organisation/team"),
        ("image: 'x; rm -rf /'", 1, "image", "image's name"),
        ("a: &x [1]\nb: *x", 1, "", "Anchors"),
        ("setup: !!python/object/apply:os.system [id]", 1, "", "Tags"),
        ("%YAML 1.1\n---\nmode: balanced", 1, "", "Directives"),
        ("labels: [a]\nmode: balanced\nlabels: [b]", 3, "labels", "line 1 already"),
        ("<<: {labels: [a]}", 1, "", "must be a word"),
        ("? [a]\n: b", 1, "", "must be a word"),
        ("mode: balanced\n---\nmode: balanced", 2, "", "second document"),
        ("- a", 1, "", "must consist of options"),
        ("just words", 1, "", "must consist of options"),
        ("labels: [a", 1, "", "not YAML"),
        ("mode: balanced\n\tlabels: [a]", 2, "", "not YAML"),
        ("mode: \x07", 1, "", "character"),
    ],
)
def test_a_mistake_is_told_with_line_place_and_cure(text: str, line: int, path: str, said: str) -> None:
    """The error names where it is and what to write."""
    with pytest.raises(RepositoryConfigError) as caught:
        parse(text)
    error = caught.value
    assert (error.line, error.path) == (line, path)
    assert said in str(error)
    assert error.cure


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 60_000, "{" * 60_000, "- " * 30_000, "? " * 30_000, "a: " * 20_000, "'" * 60_000, "&a " * 20_000),
        *("labels: [" + "a, " * 20_000, "labels:\n" + "  - x\n" * 10_000, "a: " + "x" * 70_000, "é" * 40_000),
        "\n".join(f"k{index}: 1" for index in range(7_000)),
    ],
    ids=lambda text: text[:8],
)
def test_a_bomb_is_refused_quickly(text: str) -> None:
    """Depth, length and repetition end in an error within seconds, not in a crash."""
    started = time.monotonic()
    with pytest.raises(RepositoryConfigError):
        parse(text)
    assert time.monotonic() - started < 30


@given(st.text(max_size=200) | st.text("abcdlimts: {}[]-&*!'\"\n%?|>#5", max_size=80))
def test_no_text_makes_another_error(text: str) -> None:
    """Whatever stands in the file, the answer is a configuration or an error for people."""
    try:
        parse(text)
    except RepositoryConfigError as error:
        assert error.line >= 1  # noqa: PT017 - both ways are right


def test_every_option_is_documented_with_its_default() -> None:
    """``defaults.yml`` holds every option of the schema, each below a comment, with the hard maximum of each number."""

    def options(schema: dict[str, object], path: str = "") -> list[tuple[str, object]]:
        return [
            item
            for name, value in schema.items()
            for item in (options(value, f"{path}{name}.") if isinstance(value, dict) else [(path + name, value)])
        ]

    lines = DEFAULTS.splitlines()
    for path, option in options(repository.SCHEMA):
        name = path.rpartition(".")[2]
        written = [index for index, line in enumerate(lines) if re.match(rf"\s*{name}:", line)]
        assert written, path
        if isinstance(option, repository.options.Number):
            assert any(f"at most {option.highest}." in lines[index - 1] for index in written), path
    assert parse(DEFAULTS) == defaults()
