"""Language models behind providers: ``build`` a chain, ``query`` it."""

from jobs.models.chain import build, parse_names, preload

__all__ = ["build", "parse_names", "preload"]
