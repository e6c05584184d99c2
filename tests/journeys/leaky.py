"""A town with every secret that there is: an agent says some of them, and the services repeat the others in errors."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.testing.models.script import call, refused
from jobs.testing.product import KEY
from jobs.types import Status
from tests.hostile.leaks import WAYS
from tests.hostile.repeating import repeated, repeats
from tests.journeys.chats import chatting
from tests.journeys.town import PATIENCE, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.faults import Fault
    from jobs.types import Task
    from tests.journeys.chats import Chats
    from tests.journeys.town import Story

PROJECT = "sk-proj-Xq7Lm2Vt9Rb4Kw8Zc3Nd6Hs1"
SIGNING = "5d0c8f3a97e1b24466aa7b20d9c1e8f7"
CI = "jenkins-and-we-9f2K7qXw"
SAID = ("as it is", "reversed", "in base64", "in hex", "in words", "in lines", "in single letters", "in halves")
"""The ways in which the agent says its secrets; all of them are tried in tests/hostile."""
PLACES = ("request", "plan", "question", "summary", "title")
DEN = "leaks"


@dataclass
class Leaky:
    """The town after all that, with what was done to it."""

    chats: Chats
    faults: list[Fault] = field(default_factory=list)
    stories: dict[str, Story] = field(default_factory=dict)
    _values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, str]:
        """The secrets that the agent says, and who asks for the work."""
        github = self.chats.town.product.github
        return {"client secret": github.client_secret, "webhook secret": github.webhook_secret, "project key": PROJECT}

    @property
    def kept(self) -> dict[str, str]:
        """The secrets that nobody says but services, in errors."""
        product, slack = self.chats.town.product, self.chats.slack
        found = {"private key": product.github.private_key_pem.splitlines()[3], "model key": KEY, "CI's secret": CI}
        found |= {"Slack's bot token": slack.bot_token, "Slack's app token": slack.app_token, "signing secret": SIGNING}
        found |= {f"token {number}": value for number, value in enumerate(product.github.world.tokens)}
        return found | {"Discord's token": self.chats.discord.token} | self.repeated

    def words(self, place: str) -> str:
        """Return a text with the said secrets in all ways."""
        lines = [f"{place}, {way}: {WAYS[way](secret)}" for way in SAID for secret in self.said.values()]
        return "\n\n".join([f"Said in {place}.", *lines])

    # -- an agent says it all ---------------------------------------------------------------------------------------

    def talk(self) -> None:
        """Have work asked for by a form in Discord, watched in Slack too, whose agent says secrets wherever it can."""
        chats, gate = self.chats, self.chats.town.gate()
        plan = call("update_plan", items=[{"text": self.words("plan")[:1500], "state": "pending"}])
        ask = call("ask_human", question=self.words("question"))
        ending = finish(self.words("summary"), self.words("title")[:900])
        self.stories["said"] = story = chats.town.story([plan, gate.before(write()), ask, ending])
        room = chats.slack_room(DEN)
        chats.link(story, room, chats.discord_room(DEN))
        opened = chats.discord.command("ada", DEN, "opus bg start", {"repo": story.repository})
        asked = f"greet by name ({story.key}) {PROJECT[::-1]}\n\n{self.words('request')}"
        chats.discord.submit("ada", opened, {"task": asked[:3900]})
        task: Task = until(story.task, seconds=PATIENCE, what="a task")  # type: ignore[assignment]
        gate.wait()
        self._steer(task, room)
        gate.open()
        question = chats.discord_thread(DEN, "Said in question")
        chats.slack_thread(room, "Said in question")
        answered = chats.discord.press("ada", question, f"opus67:answer:{task.id}")
        chats.discord.submit("ada", answered, {"text": "informal, please"})
        story.reaches(Status.COMPLETED)
        chats.discord.autocomplete("ada", DEN, "opus bg review", "id", task.id[:3])
        chats.discord.command("ada", DEN, "opus bg review", {"id": task.id})
        for shown in (chats.discord_shows, chats.discord_thread):
            shown(DEN, f"/{story.repository}/pull/")
        chats.slack_thread(room, f"/{story.repository}/pull/")

    def _steer(self, task: Task, room: str) -> None:
        """Have the task's message with its plan edited in Discord, show it in Slack, and open the forms of both."""
        chats = self.chats
        root = chats.discord_shows(DEN, "Said in plan")
        steered = chats.discord.press("ada", root, f"opus67:steer:{task.id}")
        chats.discord.submit("ada", steered, {"text": "keep it short"})
        chats.slack.command("ada", room, f"bg status {task.id}")
        message = chats.slack_shows(room, "Said in plan")
        chats.slack.press("ada", message, "form:steer")
        until(lambda: chats.slack.open_views, seconds=PATIENCE, what="a form in Slack")

    # -- services repeat what they were sent --------------------------------------------------------------------------

    def fail(self) -> None:
        """Have each service answer an error that repeats the header that it was sent."""
        town, room = self.chats.town, self.chats.slack.channel(DEN).id
        github, slack, discord = town.product.github.faults, self.chats.slack.faults, self.chats.discord.faults
        pull, git = (town.story() for _ in range(2))
        key = town.story([refused(401, "authentication_error", repeated(KEY))])
        self.stories |= {"pull": pull, "git": git, "model": key}
        self._hears("GitHub", repeats(github, "POST", f"^/repos/{pull.repository}/pulls$", 422, _github))
        self._hears("git", repeats(github, "GET", f"^/{git.repository}.git/info/refs$", 400, times=None))
        for story in (pull, git, key):
            story.ask()
        self._hears("Slack", repeats(slack, "POST", "/chat.post", 200, _slack))
        self.chats.slack.mention("ada", room, "whoami")
        self._hears("Discord", repeats(discord, "PATCH", "/messages/@original$", 403, _discord))
        self.chats.discord.command("ada", DEN, "opus whoami")
        self._report("success")
        for story in (pull, git, key):
            story.ends()
        until(lambda: all(fault.hits for fault in self.faults), seconds=PATIENCE, what="that all was refused")

    def _hears(self, service: str, repeating: tuple[Fault, list[str]]) -> None:
        fault, values = repeating
        self.faults.append(fault)
        self._values[f"what {service} was shown"] = values

    @property
    def repeated(self) -> dict[str, str]:
        """What services repeated of the headers that they were shown."""
        return {f"{name} {number}": value for name, all_ in self._values.items() for number, value in enumerate(all_)}

    def _report(self, conclusion: str) -> None:
        """Have a CI report, well signed."""
        story, product = self.stories["said"], self.chats.town.product
        report = {"repository": story.repository, "sha": "a" * 40, "branch": "main", "workflow": "Jenkins"}
        body = json.dumps({**report, "conclusion": conclusion, "log": "All is well."}).encode()
        signature = f"sha256={hmac.new(CI.encode(), body, hashlib.sha256).hexdigest()}"
        address = f"http://127.0.0.1:{product.port}/webhooks/ci/jenkins"
        headers = {"X-Opus67-Signature-256": signature, "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=20) as answer:
            assert answer.status == 202


def _github(said: str) -> Any:
    return {"message": said}


def _slack(said: str) -> Any:
    return {"ok": False, "error": said}


def _discord(said: str) -> Any:
    return {"code": 40333, "message": said}


@contextmanager
def leaking_town() -> Iterator[Leaky]:
    """Run the town, and yield it when all was said and repeated."""
    settings = {"OPENAI_API_KEY": PROJECT, "SLACK_SIGNING_SECRET": SIGNING, "OPUS67_CI_SECRETS": f"jenkins={CI}"}
    with chatting(socket_mode=True, OPUS67_OPERATORS="ada", **settings) as chats:
        made = Leaky(chats)
        made.talk()
        made.fail()
        yield made
