"""Hears what people say and press in Slack: stored first, acknowledged then; everything else is a worker's.

Forms are opened here and at once, because Slack takes a trigger for three seconds only.
"""

from __future__ import annotations

import http.client
import logging
import re
import time
from typing import TYPE_CHECKING, Any

from slack_bolt import Ack, App, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot import sight
from bot.heard import Heard
from bot.slack_bot import buttons, forms, reading
from bot.slack_bot.forms import Origin
from bot.slack_bot.keeping import Kept
from config.settings import secrets
from jobs.text.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.slack_bot.keeping import Keeper
    from bot.slack_bot.kit import JSON
    from config.settings import Settings

COMMAND = "/opus"
OPEN_SECONDS = 2
"""How long Slack may take to open a form; the acknowledgement waits for it, since a form is the answer."""
ASKS_FOR_FORM = {"": "bg", "new": "bg", "bg": "bg", "bg:": "bg", "background": "bg", "background:": "bg"} | {
    "plan": "plan",
    "ask": "ask",
}
"""Words that open the form for a new task, and with which choice."""
_SAID = frozenset({None, "file_share", "thread_broadcast"})
"""The sorts of messages in which somebody says something; others are of edits, joins and the like."""
LOST = "\u26a0\ufe0f This was not stored, because the database cannot be reached. Say it again in a minute."
SLOW = "\u23f3 Storing this takes longer than usual. It is carried out once it is stored; if that fails, I say so here."
NO_FORM = "\u26a0\ufe0f Slack did not open the form in time. Try again, or write it: `/opus {example}`."
AGAIN = "This could not be stored now. Press again in a minute: it is never done twice."

log = logging.getLogger(__name__)


def build_app(settings: Settings, keeper: Keeper) -> App:
    """Build the Bolt app, without a call of the network; it serves HTTP and Socket Mode."""
    quiet = logging.getLogger("opus67.slack")
    # Bolt would warn of the token in the environment, which it finds by itself and does not need.
    quiet.setLevel(logging.ERROR)

    def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=settings.slack_bot_token)

    client = WebClient(base_url=settings.slack_api_url, timeout=OPEN_SECONDS, retry_handlers=[])
    app = App(
        name="opus67",
        logger=quiet,
        client=client,
        authorize=authorize,
        signing_secret=settings.slack_signing_secret,
        process_before_response=True,
        token_verification_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    ears = Ears(settings, keeper)
    anything = re.compile(".*", re.DOTALL)
    app.command(COMMAND)(ears.command)
    app.event("app_mention")(ears.mention)
    app.event("message")(ears.message)
    app.action(anything)(ears.press)
    app.view(anything)(ears.submit)
    app.options(forms.REPOSITORY)(ears.suggest)
    return app


class Ears:
    """The listeners, one for each way in which somebody can say something."""

    def __init__(self, settings: Settings, keeper: Keeper) -> None:
        self._settings, self._keeper = settings, keeper
        self._secrets = secrets(settings)

    def command(self, ack: Ack, command: JSON, client: WebClient) -> None:
        """Hear a slash command; without a task it opens the form for one."""
        words, channel, url = reading.typed(command.get("text", "")), command["channel_id"], command["response_url"]
        how = ASKS_FOR_FORM.get(words.lower())
        if how is not None:
            opened = self._open(client, command["trigger_id"], self._new_task(how, channel, url))
            ack() if opened else ack(NO_FORM.format(example="bg --repo owner/name the task"))
            return
        heard = Heard(
            "slack",
            reading.key("command", command["trigger_id"]),
            command["user_id"],
            command.get("user_name", ""),
            words,
            channel,
            address=_address("command", channel, command["user_id"], response_url=url),
        )
        said = {Kept.STORED: "", Kept.SLOW: SLOW, Kept.LOST: LOST}
        ack(said[self._keeper.keep(heard, lambda: self._keeper.whisper(url, LOST))])

    def mention(self, event: JSON, body: JSON) -> BoltResponse | None:
        """Hear a message that names the bot."""
        return self._message(event, body)

    def message(self, event: JSON, body: JSON) -> BoltResponse | None:
        """Hear what is said to the bot alone; elsewhere it listens to nobody who does not name it."""
        return self._message(event, body) if event.get("channel_type") == "im" else None

    def press(self, ack: Ack, body: JSON, action: JSON, client: WebClient) -> None:
        """Hear a button or an answer that was typed into a message."""
        name, origin = action.get("action_id", ""), _origin(body, action)
        if name in buttons.FORMS:
            opened = self._open(client, body["trigger_id"], self._text_form(origin))
            ack()
            if not opened:
                self._keeper.whisper(
                    origin.response_url, NO_FORM.format(example=f"{origin.command} {origin.task_id} …")
                )
            return
        words = _pressed(action, origin)
        if not words:
            ack()
            return
        url = origin.response_url
        heard = _heard(body, reading.key("press", body["trigger_id"]), words, origin)
        if self._keeper.keep(heard, lambda: self._keeper.whisper(url, LOST)) is Kept.LOST:
            self._keeper.whisper(url, LOST)
        ack()

    def submit(self, ack: Ack, body: JSON, view: JSON) -> None:
        """Hear a form that was sent off; mistakes are shown in it."""
        origin = Origin.load(view["private_metadata"])
        words, options, mistakes = forms.said_in(view["state"]["values"], origin)
        if not mistakes:
            # A modal has an id of its own: sent off twice, it is the same utterance.
            heard = _heard(body, reading.key("form", view["id"]), words, origin, options)
            if self._keeper.keep(heard) is Kept.STORED:
                ack()
                return
            mistakes = {"text" if origin.command else "task": AGAIN}
        ack(response_action="errors", errors=mistakes)

    def suggest(self, ack: Ack, body: JSON) -> None:
        """Offer the repositories that fit what was typed; to those who are not linked, only the channel's."""
        origin = Origin.load(body["view"]["private_metadata"])
        bound = self._bound(origin.channel)
        nothing: list[str] = []
        found = self._keeper.look_up(lambda store: sight.offered(store, "slack", body["user"]["id"]), nothing)
        offered = dict.fromkeys([*([bound] if bound else []), *found])
        ack(options=forms.repository_options(offered, body.get("value", "")))

    def _message(self, event: JSON, body: JSON) -> BoltResponse | None:
        if event.get("bot_id") or event.get("subtype") not in _SAID or not event.get("user"):
            return None
        thread, ts, channel = event.get("thread_ts", ""), event["ts"], event["channel"]
        # Where two talk alone, an answer in a thread of its own would only be hard to find.
        answered_in = thread or ("" if event.get("channel_type") == "im" else ts)
        heard = Heard(
            "slack",
            # A message can come as two events, and be edited: it is one utterance.
            reading.key("message", body.get("team_id", ""), channel, ts),
            event["user"],
            "",
            reading.after_mention(event.get("text", ""), _bot(body)),
            channel,
            thread,
            mention=True,
            address=_address("message", channel, event["user"], thread=answered_in, inside=thread, ts=ts),
        )
        if self._keeper.keep(heard) is Kept.STORED:
            return None
        return BoltResponse(status=503, body="not stored; send it again")

    def _new_task(self, how: str, channel: str, response_url: str) -> JSON:
        settings = self._settings
        origin = Origin(channel, response_url=response_url, asked_at=time.time())
        return forms.new_task_form(origin, how, self._bound(channel), settings.models, "")

    def _text_form(self, origin: Origin) -> JSON:
        task = self._keeper.look_up(lambda store: store.tasks.get(origin.task_id), None)
        return forms.text_form(origin, redact(task.title, self._secrets) if task else "")

    def _open(self, client: WebClient, trigger_id: str, view: JSON) -> bool:
        try:
            client.views_open(trigger_id=trigger_id, view=view)
        except SlackApiError as error:
            log.warning("Slack did not open a form: %s", error.response.get("error"))
            return False
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            log.warning("Slack cannot be reached to open a form: %s", error)
            return False
        return True

    def _bound(self, channel: str) -> str:
        found = (one for one in self._settings.channels if (one.surface, one.id) == ("slack", channel))
        return next((one.repository for one in found), "")


def _pressed(action: JSON, origin: Origin) -> str:
    """Return the words that a button or a box says; nothing for one that only opens a page."""
    name = action.get("action_id", "")
    if name == buttons.ANSWER_BOX:
        answer = (action.get("value") or "").strip()
        return f"answer {origin.task_id} {answer}" if answer and origin.task_id else ""
    command = buttons.COMMANDS.get(name, "")
    return f"{command} {origin.task_id}" if command and origin.task_id else ""


def _origin(body: JSON, action: JSON) -> Origin:
    """Return where something was pressed, and about which task."""
    message, name = body.get("message", {}), action.get("action_id", "")
    thread, ts = message.get("thread_ts", ""), message.get("ts", "")
    task_id = action.get("value", "") if name != buttons.ANSWER_BOX else buttons.task_of_box(action.get("block_id", ""))
    return Origin(
        channel=body.get("channel", {}).get("id", ""),
        thread=thread or ts,
        inside=thread if thread != ts else "",
        response_url=body.get("response_url", ""),
        asked_at=time.time(),
        command=buttons.FORMS.get(name, ""),
        task_id=str(task_id or ""),
    )


def _heard(body: JSON, key: str, words: str, origin: Origin, options: Mapping[str, str] | None = None) -> Heard:
    user = body["user"]
    address = _address(
        "press" if origin.thread else "command",
        origin.channel,
        user["id"],
        response_url=origin.response_url,
        thread=origin.thread,
        inside=origin.inside,
        asked_at=origin.asked_at,
    )
    name = user.get("username") or user.get("name", "")
    return Heard(
        "slack", key, user["id"], name, words, origin.channel, origin.thread, address=address, options=options or {}
    )


def _address(kind: str, channel: str, user: str, *, asked_at: float = 0.0, **more: str) -> dict[str, Any]:
    """Return what is needed to answer.

    ``kind`` is how it was said, ``asked_at`` since when the response URL is good; ``thread`` is where all read the
    answer, ``inside`` the thread that was open before who asked, ``ts`` the message itself.
    """
    filled = {name: value for name, value in more.items() if value}
    return {"kind": kind, "channel": channel, "user": user, "asked_at": asked_at or time.time(), **filled}


def _bot(body: JSON) -> str:
    """Return the bot's user id, which Slack tells with every event."""
    found: JSON = next(iter(body.get("authorizations") or ()), {})
    return str(found.get("user_id") or "")
