"""What to do next, worked out from what is there: configure, install, label an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.dashboard.data import NextStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Problem


def next_steps(
    problems: Sequence[Problem], *, public_url: str, installations: int | None, install_url: str, label: str, tasks: int
) -> list[NextStep]:
    """Return all steps in order, done or not; ``installations`` is None where GitHub could not be asked."""
    names = ", ".join(dict.fromkeys(problem.variable for problem in problems))
    return [
        NextStep(
            "Configure it",
            f"Missing or wrong: {names}." if problems else "Every setting is there.",
            done=not problems,
            command="opus67 setup" if problems else "",
        ),
        NextStep(
            "Let GitHub reach it",
            "Webhooks have an address."
            if public_url
            else "Set OPUS67_PUBLIC_URL to this page's address as GitHub sees it, for example behind a reverse proxy.",
            done=bool(public_url),
            command="" if public_url else "opus67 doctor",
        ),
        NextStep(
            "Install it on your repositories",
            _installed(installations),
            done=bool(installations),
            link="" if installations else install_url,
            link_text="Choose repositories on GitHub",
        ),
        NextStep(
            f"Label an issue {label}",
            "It has been done; there is work to see on GitHub."
            if tasks
            else "The bot answers on the issue at once, and with a draft pull request when it is done.",
            done=tasks > 0,
        ),
    ]


def _installed(installations: int | None) -> str:
    if installations is None:
        return "GitHub could not be asked yet."
    if not installations:
        return "The App is registered, and installed nowhere yet."
    return f"{installations} {'installation' if installations == 1 else 'installations'}."
