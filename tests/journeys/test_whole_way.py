"""The whole way, on each kind of sandbox: from a label to a draft pull request, and what is told meanwhile."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from jobs.store import Wanted
from jobs.testing import sample
from jobs.testing.sample import recording
from jobs.types import Conclusion
from tests.journeys.towns import running
from tests.testing import conformity
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.records import Issue
    from jobs.testing.product import Product

REPOSITORY, NUMBER = "acme/openhours", 1
SANDBOXES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("docker", "bubblewrap")]


@pytest.fixture(scope="module", params=SANDBOXES)
def finished(request: pytest.FixtureRequest) -> object:
    """Yield the product after the demo's issue was labelled and resolved."""
    with running(OPUS67_SANDBOX=request.param) as town:
        product = town.product
        product.model.script = recording.recording()
        product.github.create_repository(REPOSITORY, files=sample.files())
        product.github.set_permission(REPOSITORY, "ada", "write")
        title, body = sample.issue()
        product.github.create_issue(REPOSITORY, title, body, by="ada")
        product.github.label_issue(REPOSITORY, NUMBER, "assign-to-opus", by="ada")
        until(
            lambda: [task for task in product.tasks() if town.store.tasks.row(task.id).told],
            seconds=120,
            what="the end",
        )
        yield product


def the_pull_request(github: LocalGitHub) -> Issue:
    pulls = github.pull_requests(REPOSITORY)
    assert len(pulls) == 1
    return pulls[0]


def test_the_work_ends_in_one_draft_pull_request(finished: Product) -> None:
    """One draft from a branch of the bot's, with the change, the evidence, the cost, and the line that closes the issue."""
    github, task = finished.github, finished.tasks()[0]
    assert task.conclusion is Conclusion.SUCCESS
    opened = the_pull_request(github)
    assert opened.pull is not None
    assert opened.pull.draft
    assert (opened.pull.base, opened.pull.head) == ("main", f"opus/issue-{NUMBER}-{task.id}")
    assert opened.title == recording.TITLE
    assert f"Fixes #{NUMBER}" in opened.body
    assert "| `python3 -m unittest discover` | ✅ passed | 14 passed |" in opened.body
    assert "By a second model conversation" in opened.body
    assert "$0." in opened.body
    changed = {change.path for change in github.changes(REPOSITORY, "main", opened.pull.head)}
    assert changed == {"openhours/spans.py", "openhours/week.py", "tests/test_week.py"}


def test_the_commit_says_who_made_it_and_who_asked(finished: Product) -> None:
    """The App's bot user is the author, the person who asked is a co-author, and there is one commit."""
    github, task = finished.github, finished.tasks()[0]
    path = github.world.repository(REPOSITORY).path
    command = ["git", "-C", str(path), "log", "--format=%an <%ae>%n%B%x00", f"main..{task.branch}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    assert len([one for one in told if one.strip()]) == 1
    assert told[0].startswith("opus-67[bot] <")
    assert "Co-authored-by: ada <" in told[0]
    assert recording.TITLE in told[0]


def test_one_comment_told_the_story(finished: Product) -> None:
    """There is one comment, edited in place: working first, then the end with evidence and receipt."""
    github = finished.github
    comments = github.comments(REPOSITORY, NUMBER)
    assert len(comments) == 1
    assert "Done: a draft pull request is ready for review" in comments[0].body
    assert "**Receipt:**" in comments[0].body
    path = f"/repos/{REPOSITORY}/issues/{NUMBER}/comments"
    first = next(one for one in github.requests if one.method == "POST" and one.path == path)
    assert "Working on it" in first.body["body"]
    assert [one.content for one in github.reactions(REPOSITORY, NUMBER)] == ["eyes"]


def test_the_reaction_came_at_once(finished: Product) -> None:
    """👀 is on the issue within two seconds of the label."""
    github = finished.github
    reacted = next(one.at for one in github.requests if one.method == "POST" and one.path.endswith("/reactions"))
    labelled = next(one for one in github.deliveries if one.action == "labeled")
    stored = finished.store.deliveries
    assert stored.is_done(labelled.guid)
    began = min(task.created_at for task in finished.tasks())
    assert reacted - began < 2


def test_the_check_run_kept_step(finished: Product) -> None:
    """The base's check run points to the pull request, the head's tells the end and has the button Run again."""
    github = finished.github
    opened = the_pull_request(github)
    assert opened.pull is not None
    runs = {run.head_sha: run for run in github.check_runs(REPOSITORY)}
    assert set(runs) == {github.branches(REPOSITORY)["main"], opened.pull.head_sha}
    head, base = runs[opened.pull.head_sha], runs[github.branches(REPOSITORY)["main"]]
    assert {run.name for run in runs.values()} == {"Opus 67"}
    assert (head.status, head.conclusion) == ("completed", "success")
    assert [action["identifier"] for action in head.actions] == ["run_again"]
    assert (base.status, base.conclusion, base.actions) == ("completed", "neutral", [])


def test_everything_was_said_as_github_describes_it(finished: Product) -> None:
    """Every request, answer and webhook fits GitHub's own description, and nothing was asked that the App may not."""
    assert conformity.check_exchanges(finished.github) > 10
    assert conformity.check_deliveries(finished.github) > 5
    assert finished.github.violations == []


def test_each_effect_has_one_row_before_it(finished: Product) -> None:
    """What was changed on GitHub, pushed, started or paid is one row each of a whole chain, ahead of it, with who."""
    task, audit = finished.tasks()[0], finished.store.audit
    until(
        lambda: rows_and_requests(finished)[0].keys() == rows_and_requests(finished)[1].keys(),
        what="the last token's end",
    )
    told, seen = rows_and_requests(finished)
    assert {key: len(times) for key, times in told.items()} == {key: len(times) for key, times in seen.items()}
    assert all(row <= request for key in seen for row, request in zip(told[key], seen[key], strict=True))
    own = [row for row in audit.rows(Wanted()) if row.task_id == task.id]
    assert {row.actor for row in own} == {"github:ada"}
    assert [(row.repository, row.subject) for row in own if row.what == "git:push"] == [(REPOSITORY, task.branch)]
    assert [row.allowed for row in own if row.what == "decision:start"] == [True]
    started = [row.image for row in own if row.what == "sandbox:start"]
    assert started
    assert all(started)
    paid = [row for row in own if row.what.startswith("model:")]
    _, cost, models = finished.store.runs.totals(task.id)
    assert (sum(row.cost for row in paid), {row.model for row in paid}) == (pytest.approx(cost), set(models))
    assert audit.verify().problems == []


Times = dict[tuple[str, str], list[float]]


def rows_and_requests(product: Product) -> tuple[Times, Times]:
    """Return when the audit was told of each change on GitHub, and when GitHub was asked for it, by method and path."""
    told, seen = defaultdict(list), defaultdict(list)
    for row in product.store.audit.rows(Wanted()):
        service, _, rest = row.what.partition(":")
        if service == "github" and row.allowed:
            in_repository = not row.subject.startswith(("app/", "installation/"))
            path = f"/repos/{row.repository}/{row.subject}" if in_repository else f"/{row.subject}"
            told[rest.partition(" ")[0], path].append(row.at)
    for one in product.github.requests:
        if one.method != "GET" and ".git/" not in one.path and one.path != "/graphql":
            seen[one.method, one.path].append(one.at)
    return told, seen


def test_nothing_is_left_running(finished: Product) -> None:
    """The sandbox is gone, with its folder, and so is what the quarantine held."""
    task, home = finished.tasks()[0], finished.home / "var"
    assert not (home / "run" / f"opus67-{task.id}").exists()
    leftovers = [path for path in home.rglob("*") if task.id in path.name]
    assert leftovers == []
    if finished.environment["OPUS67_SANDBOX"] == "docker":
        command = ["docker", "ps", "-aq", "--filter", f"name=opus67-{task.id}"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_the_tokens_of_the_run_are_revoked(finished: Product) -> None:
    """What was minted to read and to push is ended with the run."""
    tokens = finished.github.world.tokens.values()
    assert [token for token in tokens if token.revoked]
    pushed = {push.token for push in finished.github.pushes if push.token}
    assert pushed
    assert all(finished.github.world.tokens[value].revoked for value in pushed)
