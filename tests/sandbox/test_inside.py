"""What runs inside needs nothing but an old Python."""

from __future__ import annotations

import ast
import sys

import pytest

from jobs.sandbox.places import INSIDE

SOURCES = sorted(INSIDE.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_runner_is_for_python_3_9_and_its_standard_library(source) -> None:
    """The syntax is old enough, and every import is the library's or its own."""
    tree = ast.parse(source.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name in sys.stdlib_module_names for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or str(node.module).partition(".")[0] in {*sys.stdlib_module_names, "__future__"}
