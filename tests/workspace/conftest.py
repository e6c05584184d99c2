"""Fixtures of the workspace tests."""

from __future__ import annotations

from tests.workspace.fixtures import box, forge, github, place, repository, settled, smith

__all__ = ["box", "forge", "github", "place", "repository", "settled", "smith"]
