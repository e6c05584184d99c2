"""Check commands from a repository's own files, and counts from test tools' output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.agent.checks import WANTED_FILES, find_checks, parse_counts

PYTEST = "python3 -m pytest -q"


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({}, []),
        ({"README.md": "pytest"}, []),
        ({"pyproject.toml": "[tool.pytest.ini_options]"}, [PYTEST]),
        ({"pyproject.toml": '[project]\nname = "a"', "requirements-dev.txt": "pytest>=8"}, [PYTEST]),
        ({"setup.py": "", "tests/conftest.py": ""}, [PYTEST]),
        ({"tox.ini": "[testenv]\ncommands = pytest"}, [PYTEST]),
        ({"pytest.ini": ""}, [PYTEST]),
        ({"pyproject.toml": ""}, ["python3 -m unittest discover"]),
        ({"pyproject.toml": "", "tests/__init__.py": "", "tests/test_a.py": ""}, ["python3 -m unittest discover"]),
        ({"setup.cfg": "", "tests/test_a.py": ""}, ["python3 -m unittest discover -s tests"]),
        ({"manage.py": "import django"}, ["python3 manage.py test"]),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, ["npm test"]),
        ({"package.json": '{"scripts": {"test": "jest"}}', "yarn.lock": ""}, ["yarn test"]),
        ({"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""}, ["pnpm test"]),
        ({"package.json": '{"scripts": {"test": "x"}, "packageManager": "pnpm@9.1"}', "yarn.lock": ""}, ["pnpm test"]),
        ({"package.json": '{"scripts": {"test": "x"}}', "bun.lock": ""}, ["bun run test"]),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, []),
        ({"package.json": "{broken"}, []),
        ({"package.json": '{"scripts": ["test"]}'}, []),
        ({"go.mod": "module a"}, ["go test ./..."]),
        ({"Cargo.toml": '[package]\nname = "a"'}, ["cargo test"]),
        ({"Cargo.toml": "[workspace]\nmembers = []"}, ["cargo test --workspace"]),
        ({"pom.xml": ""}, ["mvn -B -q test"]),
        ({"pom.xml": "", "mvnw": ""}, ["./mvnw -B -q test"]),
        ({"build.gradle.kts": "", "gradlew": ""}, ["./gradlew test"]),
        ({"Gemfile": 'gem "rspec"'}, ["bundle exec rspec"]),
        ({"Gemfile": "", "Rakefile": "Rake::TestTask.new"}, []),
        ({"Gemfile": "", "Rakefile": "task :test do"}, ["bundle exec rake test"]),
        ({"composer.json": '{"scripts": {"test": "phpunit"}}'}, ["composer test"]),
        ({"composer.json": "{}", "phpunit.xml.dist": ""}, ["vendor/bin/phpunit"]),
        ({"mix.exs": ""}, ["mix test"]),
        ({"Package.swift": ""}, ["swift test"]),
        ({"deno.json": "{}"}, ["deno test"]),
        ({"Makefile": "CC := gcc\n.PHONY: test\nall: a.o\ntest: all\n\t./t"}, ["make test"]),
        ({"Makefile": "test := 1\ncheck:\n\t./t"}, ["make check"]),
        ({"justfile": "test *args:\n  x"}, ["just test"]),
        ({"Makefile": "test:\n", "go.mod": ""}, ["go test ./..."]),
        ({"pyproject.toml": "pytest", "package.json": '{"scripts": {"test": "jest"}}', "go.mod": ""},
         [PYTEST, "npm test", "go test ./..."]),
    ],
)  # fmt: skip
def test_the_check_command_is_found(files: dict[str, str], commands: list[str]) -> None:
    """Each kind of project gives at most one command, in a known order; a Makefile counts where nothing else does."""
    assert find_checks(files) == commands


@given(st.dictionaries(st.sampled_from(WANTED_FILES), st.text()))
def test_no_file_breaks_the_search(files: dict[str, str]) -> None:
    """Whatever stands in the files, the answer is a list of commands."""
    assert all(command and "\n" not in command for command in find_checks(files))


OUTPUTS = {
    "pytest": ("..F\n=== 1 failed, 12 passed, 2 skipped, 3 warnings in 0.42s ===", (12, 1, 2)),
    "pytest, quiet": (".....\n5 passed in 1.20s\n", (5, 0, 0)),
    "pytest with errors": ("===== 2 passed, 1 xfailed, 1 xpassed, 2 errors in 75.02s (0:01:15) =====", (3, 3, 0)),
    "pytest in colour": ("\x1b[32m\x1b[1m4 passed\x1b[0m\x1b[32m in 0.01s\x1b[0m", (4, 0, 0)),
    "unittest": ("Ran 8 tests in 0.003s\n\nOK (skipped=2)\n", (6, 0, 2)),
    "unittest failing": (
        "Ran 8 tests in 0.003s\n\nFAILED (failures=1, errors=2, skipped=1, expected failures=1)", (4, 3, 1)),
    "unittest, one": ("Ran 1 test in 0.000s\n\nOK\n", (1, 0, 0)),
    "jest": ("Test Suites: 1 failed, 3 passed, 4 total\nTests:       2 failed, 1 skipped, 20 passed, 23 total", (20, 2, 1)),
    "vitest": (" Test Files  1 passed (1)\n      Tests  3 passed | 1 skipped (4)\n", (3, 0, 1)),
    "cargo": (
        ("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n"
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"), (4, 2, 1)),
    "go, verbose": ("--- PASS: TestA (0.00s)\n    --- PASS: TestA/b (0.00s)\n--- FAIL: TestC\n--- SKIP: TestD\n", (2, 1, 1)),
    "go": ("ok  \texample.org/a\t0.01s\nok  \texample.org/b\t0.01s\n", (None, None, None)),
    "mocha": ("  12 passing (30ms)\n  1 pending\n  2 failing\n", (12, 2, 1)),
    "node": ("# tests 5\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n", (3, 1, 1)),
    "rspec": ("10 examples, 2 failures, 1 pending\n", (7, 2, 1)),
    "minitest": ("8 runs, 20 assertions, 1 failures, 1 errors, 2 skips\n", (4, 2, 2)),
    "maven": ("Tests run: 3, Failures: 1, Errors: 0, Skipped: 0\nTests run: 9, Failures: 1, Errors: 1, Skipped: 2", (5, 2, 2)),
    "junit": ('<testsuite name="a" tests="4" failures="1" errors="0" skipped="1"/><testsuite tests="2">', (4, 1, 1)),
    "phpunit": ("OK (5 tests, 9 assertions)", (5, 0, 0)),
    "phpunit failing": ("Tests: 5, Assertions: 9, Failures: 1, Errors: 1, Skipped: 1.", (2, 2, 1)),
    "tap": ("1..4\nok 1 - a\nnot ok 2 - b\nok 3 # SKIP no\nnot ok 4 # TODO later\n", (1, 1, 2)),
    "words": ("3 passed the exam, 2 failed", (None, None, None)),
    "nothing": ("", (None, None, None)),
}  # fmt: skip


@pytest.mark.parametrize("tool", OUTPUTS)
def test_counts_are_read(tool: str) -> None:
    """The summary of each tool gives passed, failed and skipped; what is no summary gives none."""
    output, counts = OUTPUTS[tool]
    assert parse_counts(output) == counts


@given(st.text() | st.lists(st.sampled_from([text for text, _ in OUTPUTS.values()])).map("\n".join))
def test_counts_never_fail_and_are_never_negative(output: str) -> None:
    """Any output gives three counts, all known or all unknown."""
    counts = parse_counts(output)
    assert counts == (None, None, None) or all(count is not None and count >= 0 for count in counts)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["\n", " ", "9", "1 passed, ", "<testsuite ", "test result: ok. ", "\x1b[", "\x1b]", "--- "]
)
def test_hostile_output_is_read_in_time(piece: str) -> None:
    """Output made to be slow to read is read as fast as any."""
    parse_counts(f"1 passed in 1s {piece * 300_000}")
    parse_counts(piece * 300_000)
