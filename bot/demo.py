"""`opus67 demo`: the real processes on this machine, from a label to a draft pull request, shown as it happens."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import child_environment, load
from jobs import sandbox
from jobs.services import DEFAULT_IMAGE
from jobs.testing import sample
from jobs.testing.product import Product
from jobs.testing.sample.recording import recording
from jobs.types import Conclusion, Status, UserError

if TYPE_CHECKING:
    import argparse

    from jobs.testing.github.records import Issue
    from jobs.types import Task

REPOSITORY, PERSON, LABEL = "acme/openhours", "ada", "assign-to-opus"
RECORDED_SECONDS, MODEL_SECONDS = 180.0, 1800.0
DOTS = {"pending": "·", "in_progress": "▸", "done": "✓"}


def run_demo(_arguments: argparse.Namespace) -> int:
    """Run the demo in a folder of its own, which is removed at the end, whatever the end is."""
    home = Path(tempfile.mkdtemp(prefix="opus67-demo-"))
    home.chmod(0o711)  # a sandbox runs as another user and must reach the mirror below
    try:
        return _Demo(home).run()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class _Demo:
    home: Path
    began: float = field(default_factory=time.monotonic)
    told: set[str] = field(default_factory=set)

    def run(self) -> int:
        settings = load(dotenv=None)
        real = bool(settings.anthropic_api_key)
        provider = sandbox.quickest(settings.sandbox, settings.sandbox_image or DEFAULT_IMAGE)
        _title("Opus 67: from a label to a draft pull request")
        model = f"the real {settings.model}" if real else "a recorded one (set ANTHROPIC_API_KEY for a real one)"
        _say(f"model     {model}")
        _say(f"sandbox   {provider}")
        _say("github    a local one on loopback; the processes, queue, database and git are the real ones")
        changes = {"OPUS67_SANDBOX": provider, "OPUS67_SANDBOX_IMAGE": settings.sandbox_image, "OPUS67_WORKERS": "1"}
        if real:
            changes |= {"ANTHROPIC_API_KEY": settings.anthropic_api_key, "OPUS67_MODEL": settings.model}
            changes |= {"ANTHROPIC_BASE_URL": settings.anthropic_base_url}
        try:
            return self._play(changes, real=real)
        finally:
            sandbox.sweep(provider, self.home / "var", time.time(), lambda _name: False)

    def _play(self, changes: dict[str, str], *, real: bool) -> int:
        with Product(self.home, recording(), environment=child_environment(), changes=changes) as product:
            issue = self._prepare(product)
            task = self._watch(product, issue, MODEL_SECONDS if real else RECORDED_SECONDS)
            return self._show(product, issue, task, real=real)

    def _prepare(self, product: Product) -> Issue:
        product.github.create_repository(REPOSITORY, files=sample.files())
        product.github.set_permission(REPOSITORY, PERSON, "write")
        product.up()
        self._tell("the processes are up: web, worker, clock, Valkey, SQLite")
        title, body = sample.issue()
        issue = product.github.create_issue(REPOSITORY, title, body, by=PERSON)
        self._tell(f"{PERSON} opened issue #{issue.number}: {title}")
        product.github.label_issue(REPOSITORY, issue.number, LABEL, by=PERSON)
        self._tell(f"{PERSON} put the label {LABEL} on it")
        return issue

    def _watch(self, product: Product, issue: Issue, seconds: float) -> Task:
        """Tell each new thing once, as it appears on the local GitHub and in the store."""
        deadline, store = time.monotonic() + seconds, product.store
        try:
            while time.monotonic() < deadline:
                if product.github.reactions(REPOSITORY, issue.number):
                    self._tell("👀 on the issue")
                task = next(iter(store.tasks.recent()), None)
                if task is not None:
                    self._follow(product, issue, task, store.tasks.row(task.id))
                    if task.status is Status.COMPLETED and store.tasks.row(task.id).told:
                        return task
                time.sleep(0.05)
        finally:
            store.close()
        raise UserError(f"The demo did not end within {seconds:.0f} seconds. Its log:\n{product.log[-3000:]}")

    def _follow(self, product: Product, issue: Issue, task: Task, row: object) -> None:
        if product.github.comments(REPOSITORY, issue.number):
            self._tell("the living comment is there")
        if product.github.check_runs(REPOSITORY):
            self._tell("the check run is there")
        self._tell(f"phase: {task.phase}")
        for item in getattr(row, "plan", []):
            if item["state"] != "pending":
                self._tell(f"  {DOTS[item['state']]} {item['text']}")
        if product.github.pull_requests(REPOSITORY):
            self._tell("the draft pull request is open")

    def _show(self, product: Product, issue: Issue, task: Task, *, real: bool) -> int:
        pulls = product.github.pull_requests(REPOSITORY)
        for pull in pulls:
            _title(f"Draft pull request #{pull.number}: {pull.title}")
            _say(_readable(pull.body))
            _title("Its diff")
            head = pull.pull.head if pull.pull else ""
            for change in product.github.changes(REPOSITORY, "main", head):
                _say(f"{change.path} (+{change.additions} -{change.deletions})", _coloured(change.patch))
        _title(f"The comment on issue #{issue.number}")
        _say(_readable(product.github.comments(REPOSITORY, issue.number)[-1].body))
        done = task.conclusion is Conclusion.SUCCESS and len(pulls) == 1
        _title("That was it" if done else "That did not go as it should")
        _say(f"{time.monotonic() - self.began:.0f} s in all, with {'a real' if real else 'a recorded'} model.")
        program = "opus67" if shutil.which("opus67") else sys.argv[0]
        _say(f"Next: `{program} setup` registers your own GitHub App, `{program} up` runs it. See README.md.")
        if not done:
            _say(product.log[-3000:])
        return 0 if done else 1

    def _tell(self, line: str) -> None:
        if line not in self.told:
            self.told.add(line)
            _say(f"{time.monotonic() - self.began:6.1f} s  {line}")


def _readable(markdown: str) -> str:
    """Leave out what GitHub would not show: the hidden marker and the tags around details."""
    lines = [line for line in markdown.splitlines() if not line.startswith(("<!--", "</details>"))]
    text = "\n".join(lines)
    for tag in ("<details>", "<summary>", "</summary>", "<sub>", "</sub>", "<code>", "</code>"):
        text = text.replace(tag, "")
    # The pages behind these links end with the demo.
    text = re.sub(r' · <a href="[^"]*">[^<]*</a>|<a href="[^"]*">([^<]*)</a>', r"\1", text)
    return textwrap.indent(text.strip(), "  ")


def _coloured(diff: str) -> str:
    if not sys.stdout.isatty():
        return diff
    colours = {"+": "\033[32m", "-": "\033[31m", "@": "\033[36m"}
    return "\n".join(f"{colours.get(line[:1], '')}{line}\033[0m" for line in diff.splitlines())


def _title(text: str) -> None:
    width = min(shutil.get_terminal_size((96, 20)).columns, 96)
    _say("", f"━━ {text} ".ljust(width, "━"))


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
