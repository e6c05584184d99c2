"""Failing CI runs: told why before anything is paid, and mended where that may be."""

from jobs.kinds.fix_ci.flow import fix_ci

__all__ = ["fix_ci"]
