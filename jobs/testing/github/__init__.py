"""A GitHub on loopback: REST API, webhooks and git, for tests, the demo and plugin authors."""

from __future__ import annotations

from jobs.testing.github.commands import ci_from_command
from jobs.testing.github.job_logs import as_job_log
from jobs.testing.github.review_records import LineComment
from jobs.testing.github.server import LocalGitHub
from jobs.testing.github.workflows import CiResult, Job, Step

__all__ = ["CiResult", "Job", "LineComment", "LocalGitHub", "Step", "as_job_log", "ci_from_command"]
