"""Reads ``.github/opus67.yml`` strictly: either the whole file counts, or an error says line, reason and cure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config import options, strict_yaml
from config.errors import RepositoryConfigError

__all__ = [
    "Allow",
    "Ci",
    "Hosts",
    "RepositoryConfig",
    "RepositoryConfigError",
    "Reviews",
    "RoleModels",
    "RunLimits",
    "defaults",
    "parse",
]

PATH = ".github/opus67.yml"
"""Where the file is in a repository; it is read from the default branch only."""

_DEFAULTS_FILE = Path(__file__).with_name("defaults.yml")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names that the sandbox may reach on port 443 in each phase; ``*.`` stands for all names below."""

    setup: tuple[str, ...]
    work: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The bounds of one run: US dollars, tokens in and out, model steps, minutes of work."""

    dollars: float
    tokens: int
    steps: int
    minutes: float


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """Tasks at once in this repository, and of one actor."""

    repository: int
    actor: int


@dataclass(frozen=True, slots=True)
class DayLimits:
    """US dollars for this repository in one day, by UTC."""

    dollars: float


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits."""

    run: RunLimits
    tasks: TaskLimits
    day: DayLimits


@dataclass(frozen=True, slots=True)
class Allow:
    """Who may ask besides the people with write permission; bots by their App's id."""

    logins: tuple[str, ...]
    teams: tuple[str, ...]
    bots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ci:
    """Where failing CI runs are seen to, which workflows are left alone, and whether a mend may be merged."""

    default_branch: bool
    own: bool
    others: bool
    ignore: tuple[str, ...]
    merge: bool


@dataclass(frozen=True, slots=True)
class Reviews:
    """Whether reviews are worked on unasked, and whether pull requests are reviewed and may be asked changes of."""

    address: bool
    automatic: bool
    request_changes: bool


@dataclass(frozen=True, slots=True)
class RoleModels:
    """The fallback chain of model names for each role; empty: the operator's."""

    plan: tuple[str, ...]
    code: tuple[str, ...]
    review: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """What a repository decides for itself; empty texts mean that the operator's choice or GitHub's default holds.

    ``merge`` is how the bot merges a pull request when it is asked to: squash, merge, rebase, or never.
    ``checks`` is None when the check commands are to be found out from the project's files.
    """

    labels: tuple[str, ...]
    mode: str
    base_branch: str
    merge: str
    ci: Ci
    reviews: Reviews
    conflicts: bool
    image: str
    setup: tuple[str, ...]
    checks: tuple[str, ...] | None
    hosts: Hosts
    protected: tuple[str, ...]
    limits: Limits
    allow: Allow
    models: RoleModels


_Group = dict[str, Any]
"""Option names to readers, or to groups of them."""

_hosts = options.Items(options.HOST, "packages.example.com")
_commands = options.Items(options.COMMAND, "make test", unique=False)
_models = options.Optional(options.OneOrMore(options.MODEL, "claude-opus-5-5, openai:qwen3-coder"))

SCHEMA: _Group = {
    "labels": options.Items(options.LABEL, "assign-to-opus"),
    "mode": options.Optional(options.choice("conservative", "balanced", "aggressive")),
    "base_branch": options.Optional(options.BRANCH),
    "merge": options.choice("squash", "merge", "rebase", "never"),
    "ci": {
        "default_branch": options.Flag(),
        "own": options.Flag(),
        "others": options.Flag(),
        "ignore": options.Items(options.WORKFLOW, "Nightly"),
        "merge": options.Flag(),
    },
    "reviews": {"address": options.Flag(), "automatic": options.Flag(), "request_changes": options.Flag()},
    "conflicts": options.Flag(),
    "image": options.Optional(options.IMAGE),
    "setup": _commands,
    "checks": options.Optional(_commands),
    "hosts": {"setup": _hosts, "work": _hosts},
    "protected": options.Items(options.PATH, "infrastructure/**"),
    "limits": {
        "run": {
            "dollars": options.Number(100, 5, whole=False),
            "tokens": options.Number(100_000_000, 20_000_000),
            "steps": options.Number(1_000, 150),
            "minutes": options.Number(480, 60, whole=False),
        },
        "tasks": {"repository": options.Number(50, 3), "actor": options.Number(50, 2)},
        "day": {"dollars": options.Number(1_000, 50, whole=False)},
    },
    "allow": {
        "logins": options.Items(options.LOGIN, "octocat"),
        "teams": options.Items(options.TEAM, "my-organisation/reviewers"),
        "bots": options.Items(options.Number(10**12, 29110), "29110"),
    },
    "models": {"plan": _models, "code": _models, "review": _models},
}


def parse(text: str) -> RepositoryConfig:
    """Return the file's configuration over that of ``defaults.yml``; raises ``RepositoryConfigError``."""
    written = _read(text)
    values = _merge(_default_values(), written)
    values["protected"] = tuple(dict.fromkeys((*_default_values()["protected"], *written.get("protected", ()))))
    return _build(values)


@cache
def defaults() -> RepositoryConfig:
    """Return what holds for a repository without the file."""
    return _build(_default_values())


@cache
def _default_values() -> _Group:
    return _read(_DEFAULTS_FILE.read_text(encoding="utf-8"))


def _read(text: str) -> _Group:
    node = strict_yaml.compose(text.removeprefix("\ufeff"))
    return {} if node is None else _group(node, SCHEMA, "")


def _group(node: yaml.Node, schema: _Group, path: str) -> _Group:
    if not isinstance(node, yaml.MappingNode):
        name, first = path.rpartition(".")[2], next(iter(schema))
        found = strict_yaml.kind(node)
        message = f"A group of options is expected ({', '.join(schema)}), but this is {found}."
        raise strict_yaml.wrong(node, path, message, f"Put `{first}: …` indented below `{name}:`, or delete `{name}`.")
    values: _Group = {}
    for name, key, value in strict_yaml.entries(node, path):
        here = f"{path}.{name}" if path else name
        if name not in schema:
            raise strict_yaml.wrong(key, here, f"There is no option `{here[:80]}`.", _nearest(name, schema, path))
        reader = schema[name]
        values[name] = _group(value, reader, here) if isinstance(reader, dict) else reader(value, here)
    return values


def _nearest(name: str, schema: _Group, path: str) -> str:
    close = difflib.get_close_matches(name.lower().replace("-", "_"), schema, n=1)
    if close:
        return f"Did you mean `{close[0]}`?"
    if homes := [home for home in _homes(name, SCHEMA, "") if home != path]:
        return f"It belongs under `{homes[0]}`." if homes[0] else "It belongs at the top level."
    return f"Known here: {', '.join(schema)}."


def _homes(name: str, schema: _Group, path: str) -> list[str]:
    """Return the groups in which an option of this name exists."""
    found = [path] if name in schema else []
    for key, value in schema.items():
        if isinstance(value, dict):
            found += _homes(name, value, f"{path}.{key}" if path else key)
    return found


def _merge(base: _Group, changes: _Group) -> _Group:
    merged = dict(base)
    for name, value in changes.items():
        merged[name] = _merge(base[name], value) if isinstance(value, dict) else value
    return merged


def _build(values: _Group) -> RepositoryConfig:
    limits = values["limits"]
    return RepositoryConfig(
        labels=values["labels"],
        mode=values["mode"] or "",
        base_branch=values["base_branch"] or "",
        merge=values["merge"],
        ci=Ci(**values["ci"]),
        reviews=Reviews(**values["reviews"]),
        conflicts=values["conflicts"],
        image=values["image"] or "",
        setup=values["setup"],
        checks=values["checks"],
        hosts=Hosts(**values["hosts"]),
        protected=values["protected"],
        limits=Limits(RunLimits(**limits["run"]), TaskLimits(**limits["tasks"]), DayLimits(**limits["day"])),
        allow=Allow(**values["allow"]),
        models=RoleModels(**{role: names or () for role, names in values["models"].items()}),
    )
