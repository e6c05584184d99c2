"""The tools that the cases are produced with, put into one folder, and what their paths are called on a runner."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.ci_logs.joblog import TOOLS

_PYTEST = ("pytest", "pytest-xdist", "pytest-timeout", "pytest-randomly", "pytest-rerunfailures", "pytest-cov")
_PYTHON = (*_PYTEST, "ruff", "mypy", "black", "flake8")
_NODE = ("jest", "jest-junit", "vitest", "eslint", "@eslint/js", "typescript", "prettier", "mocha", "pyright")
_UNWANTED = (
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTHONPATH",
    "PYTEST_ADDOPTS",
    "VIRTUAL_ENV",
    "MAKEFLAGS",
    "MAKELEVEL",
    "RUST_BACKTRACE",
)


class Toolbox:
    """A folder with a virtual environment, a node_modules and a place for the sample projects.

    Compilers, make, Go and Rust are the machine's own. The projects lie beside node_modules, where Node finds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._python = self.folder / "python"
        self._node = self.folder / "node"
        self._home = self.folder / "home"

    def prepare(self) -> None:
        """Install what is not there yet."""
        self._home.mkdir(parents=True, exist_ok=True)
        if not self._python.exists():
            venv.create(self._python, with_pip=True)
            _quietly([str(self._python / "bin/pip"), "install", "-q", *_PYTHON], self.folder)
        if not (self._node / "node_modules").exists():
            self._node.mkdir(exist_ok=True)
            (self._node / "package.json").write_text('{"private": true}', encoding="utf-8")
            _quietly(["npm", "install", "--silent", "--no-audit", "--no-fund", *_NODE], self._node)

    def project(self, name: str, files: dict[str, str]) -> Path:
        """Write a sample project into an empty folder of its own."""
        folder = self._node / name / "shop"
        shutil.rmtree(folder.parent, ignore_errors=True)
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return folder

    def run(self, script: str, folder: Path, environment: dict[str, str]) -> tuple[str, int]:
        """Run a step's script as the runner does; return its output, with a runner's paths, and its exit code."""
        known = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
        places = [self._python / "bin", self._node / "node_modules/.bin"]
        known["PATH"] = os.pathsep.join([*map(str, places), known["PATH"]])
        known |= {"CI": "true", "GITHUB_ACTIONS": "true", "LANG": "C.UTF-8", "GOFLAGS": "-mod=mod", "USER": "runner"}
        known |= {
            "CARGO_NET_OFFLINE": "true",
            "npm_config_update_notifier": "false",
            "npm_config_userconfig": os.devnull,
        }
        known |= environment
        step = self.folder / "step.sh"
        step.write_text(f"{script}\n", encoding="utf-8")
        command = ["bash", "-e", str(step)]
        done = subprocess.run(
            command, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300
        )
        return done.stdout.decode("utf-8", "replace"), done.returncode

    def as_on_a_runner(self, text: str, folder: Path, checkout: str) -> str:
        """Replace the paths of this machine by those that a hosted runner has."""
        python = f"{TOOLS}/Python/{platform.python_version()}/x64"
        known = {
            str(folder): checkout,
            str(self._node / "node_modules"): f"{checkout}/node_modules",
            str(self._python): python,
            str(Path(sys.base_prefix).resolve()): python,
            sys.base_prefix: python,
            str(self.folder / "step.sh"): "/home/runner/work/_temp/6d0f2c1e-8b52-4f7e-9f0a-3a1c5e7b9d42.sh",
            str(self._home): "/home/runner",
            str(Path.home()): "/home/runner",
            str(Path.cwd()): checkout,
            "pytest-of-root": "pytest-of-runner",
            "/usr/lib/go-": f"{TOOLS}/go/",
            "../../node_modules": "node_modules",
            "../../../python/": f"../../../../..{python}/",
        }
        for ours, theirs in sorted(known.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(ours, theirs)
        return re.sub(re.escape(str(self.folder)) + r"[^\s:)\"']*", "/tmp/other", text)


def _quietly(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
