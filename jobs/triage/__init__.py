"""A red run understood before any model is paid: what failed, why, since when, and by whose change; all of it pure."""

from jobs.triage.diagnosis import diagnose, may_rerun
from jobs.triage.junit import read_junit
from jobs.triage.reading import join, read_log
from jobs.triage.signatures import signature

__all__ = ["diagnose", "join", "may_rerun", "read_junit", "read_log", "signature"]
