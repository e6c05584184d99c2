"""Errors of the configuration; each is shown to the person as it is and names the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that is missing or wrong: the variable, what is the matter, and a value that would do."""

    variable: str
    message: str
    example: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message} Example: {self.variable}={self.example}"


class SettingsError(Exception):
    """Settings are missing or wrong; the message names all of them at once, each with an example."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        what = "One setting is" if len(self.problems) == 1 else f"{len(self.problems)} settings are"
        super().__init__(
            f"{what} missing or wrong:\n{lines}\n"
            "Put them into .env or the environment. "
            "`opus67 setup` writes those of GitHub, and .env.example explains them all."
        )


class RepositoryConfigError(Exception):
    """``.github/opus67.yml`` cannot be used; nothing in it counts until it is mended.

    ``line`` and ``column`` count from 1; ``path`` is the option's place in the file, like ``limits.run.dollars``.
    """

    def __init__(self, line: int, column: int, path: str, message: str, cure: str) -> None:
        self.line = line
        self.column = column
        self.path = path
        self.message = message
        self.cure = cure
        place = f"line {line}, column {column}" + (f", `{path}`" if path else "")
        super().__init__(f"{place}: {message} {cure}".rstrip())
