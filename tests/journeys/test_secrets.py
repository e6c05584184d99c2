"""No secret of the installation is in anything that a model, a repository, a person or an attacker could read."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from jobs.store import Wanted
from tests.journeys.searching import assert_clean, family, in_processes, in_redis, on_disk
from tests.journeys.town import bash, finish, write
from tests.journeys.towns import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.town import Story

SNOOP = (
    "env; set; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; "
    "git config --list --show-origin; git remote -v; "
    "find /workspace /run /tmp /home /root /mirror /var/lib /opt /srv /etc -type f -size -64k "
    "\\( -path '*/.git/*' -o -path '/run/*' -o -path '/tmp/*' -o -path '/home/*' -o -path '/mirror/*' "
    "-o -name '*.env' -o -name '*.pem' -o -name config \\) -exec cat {} + 2>/dev/null | tail -c 20000"
)
SANDBOXES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("docker", "bubblewrap")]


@pytest.fixture(scope="module", params=SANDBOXES)
def snooped(request: pytest.FixtureRequest) -> Iterator[Story]:
    """Yield a story whose agent looked everywhere, with pushes that fail and a pull request in the end."""
    with running(OPUS67_SANDBOX=request.param) as town:
        story = town.story([bash(SNOOP), write(), finish()], config="setup:\n  - env > /tmp/set-up\n")
        faults = town.product.github.faults
        faults.add("POST", f"^/{story.repository}.git/git-receive-pack$", status=502)
        faults.add("POST", f"^/repos/{story.repository}/pulls$", status=500)
        assert "Done" in story.ask().ends(90)
        yield story


def canaries(story: Story) -> dict[str, str]:
    """Return every secret of the installation, by its name."""
    product = story.town.product
    key = product.github.private_key_pem.splitlines()[3]
    found = {
        "private key": key,
        "webhook secret": product.github.webhook_secret,
        "client secret": product.github.client_secret,
        "model key": product.environment["ANTHROPIC_API_KEY"],
    }
    found |= {f"token {number}": value for number, value in enumerate(product.github.world.tokens)}
    assert len(found) > 5
    return found


def assert_free(story: Story, where: str, content: bytes) -> None:
    """Check that none of the secrets is in some bytes."""
    assert_clean(canaries(story), where, content)


def test_no_secret_is_in_a_prompt_or_a_sandbox(snooped: Story) -> None:
    """What the agent found in its sandbox came back in prompts, and no prompt holds a secret."""
    prompts = json.dumps([one.body for one in snooped.town.product.model.requests]).encode()
    assert b"HTTP_PROXY" in prompts, "the agent's search came back"
    assert_free(snooped, "the prompts", prompts)


def test_no_secret_is_in_the_log(snooped: Story) -> None:
    """Neither what succeeded nor what failed is logged with a secret."""
    assert_free(snooped, "the log", snooped.town.product.log.encode())


def test_no_secret_is_shown_on_github(snooped: Story) -> None:
    """Comments, pull request, check runs and everything else that we wrote are free of secrets."""
    bodies = [one.raw_body for one in snooped.town.product.github.requests if one.method in {"POST", "PATCH"}]
    assert_free(snooped, "what was sent to GitHub", b"\n".join(bodies))


def test_no_secret_is_in_a_commit(snooped: Story) -> None:
    """Every object of the repository was read: commits, messages, files."""
    path = snooped.town.product.github.world.repository(snooped.repository).path
    command = ["git", "-C", str(path), "log", "--all", "-p", "--format=fuller"]
    assert_free(snooped, "the commits", subprocess.run(command, capture_output=True, check=True).stdout)


def test_no_secret_is_on_the_disk(snooped: Story) -> None:
    """Database, Redis' files, mirrors and all else under OPUS67_HOME are free of secrets while it runs."""
    assert_free(snooped, "OPUS67_HOME", on_disk(snooped.town))


def test_no_secret_is_in_the_audit(snooped: Story) -> None:
    """What is sealed in the audit was opened, too: refusals, failures and what tokens were asked for name no secret."""
    rows = list(snooped.town.product.store.audit.rows(Wanted()))
    refused = {row.what for row in rows if not row.allowed}
    assert {"git:push", "github:POST pulls"} <= refused | {row.what for row in rows}
    assert refused, "the failures of GitHub were not told"
    assert_free(snooped, "the audit", repr(rows).encode())


def test_no_token_is_in_a_url(snooped: Story) -> None:
    """Requests carry tokens in a header only."""
    targets = "\n".join(one.target for one in snooped.town.product.github.requests).encode()
    assert_free(snooped, "the addresses of requests", targets)


def test_no_secret_is_in_an_argument(snooped: Story) -> None:
    """What everybody on the machine can read of a process, its command line and its name, holds no secret."""
    assert_free(snooped, "what ps shows", in_processes(snooped.town))


def test_no_process_leaves_a_dump(snooped: Story) -> None:
    """The memory of a process that holds keys is not written down when it crashes, neither to a file nor to a pipe."""
    for folder in family(snooped.town):
        limits = (folder / "limits").read_text()
        [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4:6] in (["1", "1"], ["0", "0"]), (folder, line)


def test_no_secret_is_in_redis(snooped: Story) -> None:
    """Every key and every value that is there while it runs, those of jobs among them."""
    assert_free(snooped, "Redis", in_redis(snooped.town))
