"""A Slack on loopback: Web API, events, commands, buttons and Socket Mode, for tests, the demo and plugin authors."""

from __future__ import annotations

from jobs.testing.slack.server import LocalSlack

__all__ = ["LocalSlack"]
