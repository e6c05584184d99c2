"""``opus67 setup``: registers the GitHub App with one click, or takes an existing one, and writes ``.env``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run_setup(arguments: argparse.Namespace) -> int:
    """Run the command; ``bot.cli`` has its options."""
    from bot.setup.command import run  # noqa: PLC0415 - imported when it is called, not for the help

    return run(arguments)
