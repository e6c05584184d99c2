"""Text from strangers and models: cleaned to be read, made harmless to be posted, rid of secrets; all of it pure."""

from jobs.text.characters import reveal, strip_controls, strip_invisible
from jobs.text.cleaning import Cleaned, clean
from jobs.text.neutral import cell, code, cut, excerpt, fence, line, neutralise, plain
from jobs.text.redact import REDACTED, redact, redact_all

__all__ = [
    "REDACTED",
    "Cleaned",
    "cell",
    "clean",
    "code",
    "cut",
    "excerpt",
    "fence",
    "line",
    "neutralise",
    "plain",
    "redact",
    "redact_all",
    "reveal",
    "strip_controls",
    "strip_invisible",
]
