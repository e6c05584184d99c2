"""What a command is about: the task, the repository and the subject that were named, or that the place tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.commands import PLAIN, Command
from bot.control import looking, rights
from bot.control.order import GITHUB, Order, about, installation_of, names
from bot.grammar import read
from jobs.answer.parts import Answer, refused
from jobs.notify import PULL_REQUEST
from jobs.types import Approval, Kind, Subject

if TYPE_CHECKING:
    from bot.acting import Actions
    from bot.commands import Entry
    from bot.control.order import Place
    from jobs.types import Task

MOST_NAMED = 10
NO_TASK = "There is no task here yet. Put the label `assign-to-opus` on the issue, or say `/opus bg <task>`."
NO_PULL = "Which pull request? Say it on one, or name it by number or link: `/opus {example}`."
NO_PULL_TO_FIX = f"{NO_PULL} For a branch: `/opus fix --base main`."
PLAN_WAITS = (
    "The plan of task `{id}` waits: `/opus approve {id}` starts the work, "
    "`/opus reject {id} <why>` asks for another one."
)
MEND_WAITS = (
    "Task `{id}` asks before it mends: `/opus approve {id}` lets it begin, `/opus reject {id} <why>` leaves it to you."
)
NO_REPOSITORY = "Which repository? Name it: `/opus {name} --repo owner/name …`."


def plain(place: Place, command: Command) -> Command:
    """Tell what plain words are: a message to the task that is at work here, else new work."""
    if command.name != PLAIN:
        return command
    task = place.task
    if task is not None and task.status == "waiting" and task.approval is Approval.ASKED:
        # Friendly words under a plan are no order to throw it away and pay for another one.
        return Command("help", problem=(MEND_WAITS if task.kind is Kind.FIX_CI else PLAN_WAITS).format(id=task.id))
    if task is not None and (task.status != "completed" or place.own):
        return replace(command, name="steer", target="")
    return replace(read(f"bg {command.text}"), name="bg", text=command.text, problem="", target="")


def aim(actions: Actions, place: Place, command: Command, entry: Entry, key: str) -> tuple[Order, Answer | None]:
    """Find out which task, repository and subject are meant; or also return what to say where that is not clear.

    Raises UserError for a repository that is not ours.
    """
    if entry.name == "why" and command.text:
        return _why(actions, place, command, key)
    if entry.pull is not None:
        return _pull(actions, place, command, entry, key)
    if entry.options:
        repository, installation_id = _repository(actions, place, command)
        subject = place.subject if repository.lower() == place.repository.lower() else None
        meant = about(actions, place, repository, installation_id, subject)
        order = Order(meant, place, command, key, subject or Subject(""))
        return order, None if repository else _no_repository(actions, place, entry)
    command, task, problem = _task(actions, place, command, entry)
    if task is not None:  # whose thread this is may be another repository's task than the channel's
        subject = (place.follows(task, command.name) and place.subject) or task.subject
        meant = about(actions, place, task.repository, task.installation_id, subject)
        return Order(meant, place, command, key, subject, task), problem
    meant = about(actions, place, place.repository, place.installation_id, place.subject)
    return Order(meant, place, command, key, place.subject or Subject(""), task), problem


def _task(actions: Actions, place: Place, command: Command, entry: Entry) -> tuple[Command, Task | None, Answer | None]:
    """Find the task that is meant: the one that was named, or the place's."""
    if entry.task is None and entry.name != "why":
        return command, None, None
    if entry.task is not None and command.target:
        named = actions.services.store.tasks.find(command.target)
        if named is not None:
            return command, named, None
        if place.task is None or entry.text is None:
            words = f"There is no task `{command.target}`. `/opus bg status` lists what runs."
            return command, None, refused(words)
        command = replace(command, text=command.whole, target="")  # the first word only looked like an id
    if place.task is None and entry.task is not None and entry.task.required:
        return command, None, _no_task(place, entry)
    return command, place.task, None


def _why(actions: Actions, place: Place, command: Command, key: str) -> tuple[Order, Answer | None]:
    task_id, found = looking.meant(command.text)
    task = actions.services.store.tasks.find(task_id) if task_id else None
    problem = None
    repository, installation_id, subject = place.repository, place.installation_id, Subject("")
    if found is not None:
        (repository, installation_id), subject = installation_of(actions.services, found[0]), found[1]
    elif task is not None:
        repository, installation_id, subject = task.repository, task.installation_id, task.subject
    else:
        problem = refused(f"`{command.text[:60].replace('`', '')}` is no task, and no link that I know.")
    meant = about(actions, place, repository, installation_id, subject)
    return Order(meant, place, command, key, subject, task), problem


def _pull(actions: Actions, place: Place, command: Command, entry: Entry, key: str) -> tuple[Order, Answer | None]:
    """Find the pull request that is meant: the one that was named, or the place's; `fix` does without one."""
    _, linked = looking.meant(command.text) if "/" in command.text else ("", None)
    subject = Subject("")
    if linked is not None:
        (repository, installation_id), subject = installation_of(actions.services, linked[0]), linked[1]
    else:
        repository, installation_id = _repository(actions, place, command)
        number = int(command.text.lstrip("#") or 0) or _here(actions, place, command, repository)
        subject = Subject("pull", number) if number else subject
    order = Order(
        about(actions, place, repository, installation_id, subject if subject.number else None),
        place,
        command,
        key,
        subject,
    )
    if not repository:
        return order, _no_repository(actions, place, entry)
    wide = entry.name == "fix" and (place.surface != GITHUB or {"repo", "base"} & set(command.options))
    if subject.number or wide:
        return order, None
    return order, refused((NO_PULL_TO_FIX if entry.name == "fix" else NO_PULL).format(example=entry.example))


def _here(actions: Actions, place: Place, command: Command, repository: str) -> int:
    """Return the number of the place's pull request: the page's, or that of the task whose thread it is; or 0."""
    if {"repo", "base"} & set(command.options) or repository.lower() != place.repository.lower():
        return 0
    if place.subject is not None:
        return place.subject.number if place.subject.kind == "pull" else 0
    task = place.task
    if task is None or task.repository.lower() != repository.lower():
        return 0
    opened = actions.services.store.records.place(task.id, PULL_REQUEST)
    if opened is not None and opened.external_id.isdigit():
        return int(opened.external_id)
    return task.subject.number if task.subject.kind == "pull" else 0


def _no_task(place: Place, entry: Entry) -> Answer:
    if place.surface == GITHUB:
        return refused(NO_TASK)
    return refused(f"Which task? For example: `/opus {entry.example}`. `/opus bg status` lists what runs.")


def _no_repository(actions: Actions, place: Place, entry: Entry) -> Answer:
    """Ask for the repository; those are named that GitHub says the person may read."""
    known = actions.services.store.records.repositories()
    listed = "" if known else " The App is installed nowhere yet."
    seen = rights.visible(actions, place, known)[:MOST_NAMED]
    return refused(NO_REPOSITORY.format(name=entry.name) + (f" I know {names(seen)}." if seen else listed))


def _repository(actions: Actions, place: Place, command: Command) -> tuple[str, int]:
    """Return the repository that is meant: the one that was named, the place's, or the only one that there is."""
    named = command.options.get("repo", "").strip()
    if named:
        return installation_of(actions.services, named)
    if place.repository:
        return place.repository, place.installation_id
    known = actions.services.store.records.repositories()
    return known[0] if len(known) == 1 else ("", 0)
