"""What people do with buttons, menus and modals of the local Slack; each goes to the app as Slack would send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.testing.slack import payloads, shapes
from jobs.testing.slack.blocks import elements
from jobs.testing.slack.elements import OPTION, OPTION_GROUP
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.fields import Problems, items
from jobs.testing.slack.inputs import FIELDS, PICKED, entered, keep_what_fits, options, pick, unfilled
from jobs.testing.slack.methods.views import change_view, checked_view, push_view
from jobs.testing.slack.people import People
from jobs.testing.slack.records import Message, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.slack.records import JSON, Delivery, User

LEAST_QUERY = 3


class Hands(People):
    """The doors through which people act; what Slack would not let them do raises ``LookupError`` or ``ValueError``."""

    def press(self, user: User | str, where: Message | View, action_id: str, value: Any = None) -> Delivery:
        """Press a button, or choose in a menu; ``value`` tells buttons apart, or says which option is chosen."""
        with self.world.change():
            who = self._looks_at(user, where)
            block, element = _find(where, action_id, value)
            action = self._action(who, where, block, element, value)
        return self._act(who, where, block, element, action)

    def type_into(self, user: User | str, where: Message | View, action_id: str, text: str) -> Delivery | None:
        """Type a text and press enter; the app hears of it at once only where the block has ``dispatch_action``."""
        with self.world.change():
            who = self._looks_at(user, where)
            block, element = _find(where, action_id)
            if element["type"] in PICKED or element["type"] not in FIELDS:
                raise LookupError(f"{action_id} is a {element['type']}: nothing can be typed into it")
            state = entered(element, text)
            _state(where, who).setdefault(block["block_id"], {})[action_id] = state
        if not block.get("dispatch_action"):
            return None
        return self._act(who, where, block, element, {"value": text})

    def submit(self, user: User | str, view: View, values: Mapping[str, Any]) -> Delivery:
        """Fill in a modal and send it off; ``values`` are by action id, or by block id."""
        with self.world.change():
            who = self._looks_at(user, view)
            if "submit" not in view.payload:
                raise LookupError("this modal has nothing to send off")
            for name, value in values.items():
                block, element = _find(view, name)
                if element["type"] not in FIELDS:
                    raise LookupError(f"{name} is a {element['type']}: nothing can be entered there")
                known = view.suggested.get(element["action_id"], ())
                view.typed.setdefault(block["block_id"], {})[element["action_id"]] = entered(element, value, known)
            if empty := unfilled(view.blocks, view.typed):
                raise ValueError(f"these must be filled in first: {', '.join(empty)}")
            body = payloads.interaction("view_submission", who, self.world.new_trigger(who, view))
            body |= {"view": shapes.view(view), "response_urls": []}
        delivery = self._interact(body, view.id)
        if delivery.acknowledged:
            self._apply(view, delivery)
        else:
            self._see_error(who, f"submit {view.callback_id}", delivery)
        return delivery

    def dismiss(self, user: User | str, view: View) -> Delivery | None:
        """Close a modal; the app hears of it only where it asked for that."""
        with self.world.change():
            who = self._looks_at(user, view)
            view.open = False
            body = payloads.interaction("view_closed", who) | {"view": shapes.view(view), "is_cleared": False}
        if not view.payload.get("notify_on_close"):
            return None
        return self._interact(body, view.id)

    def suggest(self, user: User | str, where: Message | View, action_id: str, typed: str) -> list[JSON]:
        """Type into an external menu and return the options that the app suggests, groups taken apart."""
        with self.world.change():
            who = self._looks_at(user, where)
            block, element = _find(where, action_id)
            if not element["type"].endswith("external_select"):
                raise LookupError(f"{action_id} is a {element['type']}: it asks the app for nothing")
            if len(typed) < element.get("min_query_length", LEAST_QUERY):
                raise ValueError(f"Slack asks only after {element.get('min_query_length', LEAST_QUERY)} characters")
            body = payloads.interaction("block_suggestion", who) | payloads.place(where, who)
            body |= {"action_id": action_id, "block_id": block["block_id"], "value": typed}
        if not self.world.registration.suggests:
            raise LookupError("the app has no address for options: message_menu_options_url is missing")
        delivery = self._interact(body, action_id)
        if not delivery.acknowledged:
            self._see_error(who, f"options of {action_id}", delivery)
            return []
        offered = self._offered(delivery, action_id)
        if isinstance(where, View):
            where.suggested[action_id] = offered
        return offered

    def _interact(self, body: JSON, name: str) -> Delivery:
        """Send an interaction, where the app is configured to handle it."""
        if not self.world.registration.interactive:
            raise LookupError("this app is not configured to handle interactive responses")
        return self.sender.once("interactive", body, name)

    def _looks_at(self, user: User | str, where: Message | View) -> User:
        """Return who acts, when they can see what they act on."""
        who = self.world.user(user)
        if isinstance(where, View):
            if where.user is not who or not where.open:
                raise LookupError(f"{who.name} does not see this view")
        elif where.deleted or where.visible_to not in {"", who.id}:
            raise LookupError(f"{who.name} does not see this message")
        elif where.channel.kind != "channel" and who.id not in where.channel.members:
            raise LookupError(f"{who.name} is not in this conversation")
        return who

    def _action(self, who: User, where: Message | View, block: JSON, element: JSON, value: Any) -> JSON:
        """Return what tells which button or option it was, and keep what was chosen."""
        kind = element["type"]
        if kind == "button":
            names: tuple[str, ...] = ("text", "value", "style", "url")
            return {name: element[name] for name in names if name in element}
        if kind == "overflow":
            return {"selected_option": pick(options(element), value, element)}
        known = where.suggested.get(element["action_id"], ()) if isinstance(where, View) else ()
        state = entered(element, value, known)
        _state(where, who).setdefault(block["block_id"], {})[element["action_id"]] = state
        return {name: inner for name, inner in state.items() if name != "type"}

    def _act(self, who: User, where: Message | View, block: JSON, element: JSON, action: JSON) -> Delivery:
        with self.world.change():
            view = where if isinstance(where, View) else None
            body = payloads.interaction("block_actions", who, self.world.new_trigger(who, view))
            body |= payloads.place(where, who)
            if isinstance(where, Message):
                body["response_url"] = self.world.new_response_url("actions", who, where.channel, where).url
            body["actions"] = [
                {
                    "type": element["type"],
                    "action_id": element["action_id"],
                    "block_id": block["block_id"],
                    **action,
                    "action_ts": self.world.new_ts(),
                }
            ]
        delivery = self._interact(body, element["action_id"])
        if not delivery.acknowledged:
            self._see_error(who, element["action_id"], delivery)
        return delivery

    def _apply(self, view: View, delivery: Delivery) -> None:
        """Do with a modal what the app answered to its submission; nothing said closes it."""
        answer: JSON = json.loads(delivery.text) if delivery.text.strip() else {}
        try:
            with self.world.change():
                self._follow(view, answer, answer.get("response_action", ""))
        except Refused as refused:
            self._blame("answer to a submission", refused.error, refused.messages, answer)

    def _follow(self, view: View, answer: JSON, action: str) -> None:
        if action == "errors":
            view.errors = _errors(view, answer)
        elif action == "update":
            change_view(view, checked_view(answer.get("view"), "modal"))
        elif action == "push":
            push_view(self.world, view, checked_view(answer.get("view"), "modal"))
        elif action == "":
            view.open = False
        elif action == "clear":
            for one in self.world.views.values():
                one.open = one.open and one.root_id != view.root_id
        else:
            raise Refused("invalid_response_action")

    def _offered(self, delivery: Delivery, action_id: str) -> list[JSON]:
        answer: JSON = json.loads(delivery.text) if delivery.text.startswith("{") else {}
        problems, grouped = Problems(), "option_groups" in answer
        name, shape = ("option_groups", OPTION_GROUP) if grouped else ("options", OPTION)
        items(shape, 100, 0)(answer.get(name), f"/{name}", problems)
        if problems.messages:
            self._blame(f"options of {action_id}", "invalid_options", problems.messages, answer)
            return []
        return options(answer)


def _find(where: Message | View, name: str, value: Any = None) -> tuple[JSON, JSON]:
    """Return the element that is called ``name``, or that is alone in the block of that name, with its block."""
    for block, element in elements(where.blocks):
        if element["type"] == "button" and value not in (None, element.get("value")):
            continue
        if name in (element["action_id"], block["block_id"]):
            return block, element
    present = [element["action_id"] for _, element in elements(where.blocks)]
    raise LookupError(f"there is no {name} with {value!r} here, only {present}" if value else f"no {name} in {present}")


def _state(where: Message | View, user: User) -> JSON:
    """Return what this user has entered here, to be changed."""
    if isinstance(where, View):
        return where.typed
    state: JSON = where.typed.setdefault(user.id, {})
    state |= keep_what_fits(state, where.blocks)
    return state


def _errors(view: View, answer: JSON) -> dict[str, str]:
    """Return the errors by block; each must belong to an input of the view."""
    errors = answer.get("errors")
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise Refused("invalid_errors", [f"[ERROR] not all of {list(errors or ())} are inputs of the view"])
    return {block: str(text) for block, text in errors.items()}
