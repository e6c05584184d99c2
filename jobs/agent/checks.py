"""The repository's check commands, found out from its own files where nobody configured them. Pure.

Each kind of project has at most one command. The order is the order of this module's table; a Makefile counts only
where nothing more exact is known, since its targets often set up a machine.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

from jobs.agent.counts import parse_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["WANTED_FILES", "find_checks", "parse_counts"]

PYTHON_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "conftest.py", "tests/conftest.py")
PYTHON_HINTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "dev-requirements.txt",
    "test-requirements.txt",
    "noxfile.py",
)
UNITTEST_HINTS = ("manage.py", "tests/__init__.py", "test/__init__.py")
LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
}
WANTED_FILES: tuple[str, ...] = (
    *PYTHON_FILES,
    *PYTHON_HINTS,
    *UNITTEST_HINTS,
    "package.json",
    *LOCKS,
    "deno.json",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "mvnw",
    "build.gradle",
    "build.gradle.kts",
    "gradlew",
    "Gemfile",
    "Rakefile",
    ".rspec",
    "composer.json",
    "phpunit.xml",
    "phpunit.xml.dist",
    "mix.exs",
    "Package.swift",
    "Makefile",
    "justfile",
)
"""Paths to read for ``find_checks``. For some the name alone tells: more paths may be given with empty contents."""


def find_checks(files: Mapping[str, str]) -> list[str]:
    """Return the commands that check this repository, from its files by path; none where nothing is known.

    Paths below ``tests/`` that are given beside ``WANTED_FILES`` tell a unittest project where its tests are.
    """
    found = [command for find in FINDERS if (command := find(files))]
    return found or [command for command in (_make(files), _just(files)) if command][:1]


def _python(files: Mapping[str, str]) -> str:
    if "manage.py" in files and "django" in files["manage.py"].lower() and not _names_pytest(files):
        return "python3 manage.py test"
    if _names_pytest(files):
        return "python3 -m pytest -q"
    if not any(name in files for name in ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", *UNITTEST_HINTS)):
        return ""
    for folder in ("tests", "test"):
        if any(path.startswith(f"{folder}/") for path in files) and f"{folder}/__init__.py" not in files:
            return f"python3 -m unittest discover -s {folder}"
    return "python3 -m unittest discover"


def _names_pytest(files: Mapping[str, str]) -> bool:
    if any(name in files for name in ("pytest.ini", "conftest.py", "tests/conftest.py")):
        return True
    return any(re.search(r"\bpytest\b", files.get(name, "")) for name in (*PYTHON_FILES, *PYTHON_HINTS))


def _javascript(files: Mapping[str, str]) -> str:
    package = _json(files.get("package.json", ""))
    scripts = package.get("scripts")
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return "deno test" if "deno.json" in files else ""
    named = str(package.get("packageManager", "")).partition("@")[0]
    manager = named if named in LOCKS.values() else next((LOCKS[lock] for lock in LOCKS if lock in files), "npm")
    return "bun run test" if manager == "bun" else f"{manager} test"


def _go(files: Mapping[str, str]) -> str:
    return "go test ./..." if "go.mod" in files else ""


def _rust(files: Mapping[str, str]) -> str:
    if "Cargo.toml" not in files:
        return ""
    return "cargo test --workspace" if "workspace" in _toml(files["Cargo.toml"]) else "cargo test"


def _java(files: Mapping[str, str]) -> str:
    if "pom.xml" in files:
        return f"{'./mvnw' if 'mvnw' in files else 'mvn'} -B -q test"
    if "build.gradle" in files or "build.gradle.kts" in files:
        return f"{'./gradlew' if 'gradlew' in files else 'gradle'} test"
    return ""


def _ruby(files: Mapping[str, str]) -> str:
    if ".rspec" in files or "rspec" in files.get("Gemfile", ""):
        return "bundle exec rspec"
    if re.search(r"\btest\b", files.get("Rakefile", ""), re.IGNORECASE):
        return "bundle exec rake test" if "Gemfile" in files else "rake test"
    return ""


def _php(files: Mapping[str, str]) -> str:
    scripts = _json(files.get("composer.json", "")).get("scripts")
    if isinstance(scripts, dict) and scripts.get("test"):
        return "composer test"
    return "vendor/bin/phpunit" if "phpunit.xml" in files or "phpunit.xml.dist" in files else ""


def _elixir(files: Mapping[str, str]) -> str:
    return "mix test" if "mix.exs" in files else ""


def _swift(files: Mapping[str, str]) -> str:
    return "swift test" if "Package.swift" in files else ""


def _make(files: Mapping[str, str]) -> str:
    targets = re.findall(r"^([A-Za-z0-9_.-]+)[ \t]*::?(?![=:])", files.get("Makefile", ""), re.MULTILINE)
    return next((f"make {target}" for target in ("test", "tests", "check") if target in targets), "")


def _just(files: Mapping[str, str]) -> str:
    recipes = re.findall(r"^@?([A-Za-z0-9_-]+)[^:=\n]*:(?!=)", files.get("justfile", ""), re.MULTILINE)
    return next((f"just {recipe}" for recipe in ("test", "tests", "check") if recipe in recipes), "")


FINDERS: tuple[Callable[[Mapping[str, str]], str], ...] = (
    _python,
    _javascript,
    _go,
    _rust,
    _java,
    _ruby,
    _php,
    _elixir,
    _swift,
)


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
