"""Names that strangers chose stand in a review as names: they ping nobody and hide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.github.review_values import LineRemark
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub

MARKER = "<!-- opus67:review=t1 -->"


@pytest.mark.parametrize("name", ["@octo", "<!-- ", "<details>", "a ![x](https:evil.example) b", "a`@octo"])
def test_a_path_in_the_text_of_a_review_is_code(services: Services, local: LocalGitHub, name: str) -> None:
    """A fork's file may be called anything; where its line is gone, its name stands in the text."""
    fork = local.fork(SHOP, by="mallory")
    path = f"{name}/team.md"
    head = local.commit_file(fork, "mine", path, "a\n", by="mallory")
    number = local.open_pull_request(SHOP, "mine", "Mine", by="mallory", fork=fork).number
    client = services.github.repository(SHOP, local.installation_id)
    remarks = [LineRemark(path, 9, "What is meant by this?")]
    client.ensure_review(number, head, MARKER, f"{MARKER}\nOne finding.", "COMMENT", remarks)
    [review] = local.reviews(SHOP, number)
    ticks = "``" if "`" in name else "`"
    assert f"**{ticks}{path}:9{ticks}** What is meant by this?" in review.body.replace("  ", " ")
