"""A GitHub on loopback: REST API, webhooks and git, for tests, the demo and plugin authors."""

from __future__ import annotations

from jobs.testing.github.server import LocalGitHub

__all__ = ["LocalGitHub"]
