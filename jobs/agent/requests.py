"""The first messages of work that is more than a title and a text: a review's threads, a merge with conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.agent.context import cut, plain_name, readable
from jobs.agent.prompts import TEXT_LIMIT, fill, followed_work, mark
from jobs.agent.schema import InputProblem, read_input
from jobs.agent.tools import Purpose, toolbox
from jobs.agent.transcript import calls_of, user_message, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.types import Message, Step

THREAD_LIMIT = 12_000
THREADS_LIMIT = 160_000
TITLES_LIMIT = 6_000
OURS = "The pull request is your own work."
THEIRS = (
    "The pull request is somebody else's: your change becomes a pull request of its own against their branch, "
    "so keep it small."
)


@dataclass(frozen=True, slots=True)
class AskedThread:
    """A thread of a review that waits: its name for the model, where it is, and who said what, oldest first."""

    name: str
    place: str
    talk: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ThreadAnswer:
    """What the model answers to a thread; ``done`` where it says that it carried out what was asked."""

    done: bool
    text: str


def threads_message(
    *,
    repository: str,
    number: int,
    branch: str,
    asked_by: str,
    own: bool,
    threads: Sequence[AskedThread],
    bodies: Sequence[tuple[str, str]] = (),
    asked: str = "",
    followed: str = "",
) -> Message:
    """Return the first message of work on a review.

    ``bodies`` are what reviews say as a whole, by their authors; ``asked`` are the words of who asked for this work;
    ``followed`` is what is known of the work before it, where no conversation tells it.
    """
    each = max(1_000, min(THREAD_LIMIT, THREADS_LIMIT // max(1, len(threads))))
    shown = [_thread(thread, each) for thread in threads]
    shown += [_fenced("review_body", _talk(bodies), THREAD_LIMIT)] if bodies else []
    more = [_fenced("asked_with_it", asked, TEXT_LIMIT)] if asked.strip() else []
    more += [followed_work(followed)] if followed.strip() else []
    text = fill(
        "request_threads",
        asked_by=asked_by,
        number=str(number),
        repository=repository,
        branch=plain_name(branch),
        whose=OURS if own else THEIRS,
        count=_count(len(threads), len(bodies)),
        threads="\n\n".join(shown),
        more="\n\n".join(["", *more]).rstrip(),
    )
    return user_message([words(text)])


def asked_of(threads: Sequence[AskedThread], bodies: Sequence[tuple[str, str]] = ()) -> str:
    """Return what a review asks for, for who judges the work: its threads, and what the reviews say as a whole."""
    parts = [f"{thread.name}, on {thread.place}:\n{_talk(thread.talk)}" for thread in threads]
    parts += [_talk(bodies)] if bodies else []
    return "People reviewed a pull request, and this change is the answer to it.\n\n" + "\n\n".join(parts)


def answers_in(steps: Iterable[Step], names: Sequence[str]) -> dict[str, ThreadAnswer]:
    """Return the answers that the model gave to threads so far; the last one to each counts."""
    schema, found = toolbox(Purpose.ADDRESS)["answer_thread"].schema, dict[str, ThreadAnswer]()
    for call in (call for step in steps for call in calls_of(step.reply) if call["name"] == schema.name):
        try:
            given = read_input(schema, call["input"])
        except InputProblem:
            continue
        name, text = thread_name(given), str(given["answer"]).strip()
        if name in names and text:
            found[name] = ThreadAnswer(bool(given["done"]), text)
    return found


def thread_name(given: Mapping[str, object]) -> str:
    """Return the name of the thread that an answer is for, as we spell it."""
    return str(given["thread"]).strip().upper()


def unanswered(names: Sequence[str]) -> str:
    """Ask for the answers that are missing."""
    return fill("unanswered", threads=", ".join(names))


def conflicts_message(
    *,
    repository: str,
    number: int,
    branch: str,
    base: str,
    merges: str,
    files: Sequence[str],
    ours: Sequence[str],
    theirs: Sequence[str],
    followed: str = "",
) -> Message:
    """Return the first message of work on a merge with conflicts; ``ours`` and ``theirs`` are titles of commits."""
    parts = {"files": _listed(files), "ours": _listed(ours), "theirs": _listed(theirs)}
    text = fill(
        "request_conflicts",
        repository=repository,
        number=str(number),
        branch=plain_name(branch),
        base=plain_name(base),
        merges=merges,
        mark=mark(*parts.values()),
        more="\n" + followed_work(followed) if followed.strip() else "",
        **parts,
    )
    return user_message([words(text)])


def conflicts_asked(base: str, files: Sequence[str]) -> str:
    """Return what is asked of a merge, for who judges it."""
    return (
        f"The branch `{base}` is merged into the branch of a pull request. The change shows, against what git made of "
        "it by itself, how the conflicts were resolved: what both sides wanted must be there, and nothing else.\n\n"
        f"Files with conflicts:\n{_listed(files)}"
    )


def _thread(thread: AskedThread, limit: int) -> str:
    text = cut(readable(_talk(thread.talk)), limit).strip()
    place = readable(thread.place).replace("\n", " ")
    return fill("review_thread", name=thread.name, place=place, mark=mark(place, text), text=text)


def _talk(said: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(f"{who} wrote:\n{text.strip() or '(no words)'}" for who, text in said)


def _fenced(prompt: str, text: str, limit: int) -> str:
    clean = cut(readable(text), limit).strip()
    return fill(prompt, mark=mark(clean), text=clean)


def _count(threads: int, bodies: int) -> str:
    said = [f"{threads} thread{'' if threads == 1 else 's'}"] if threads else []
    said += [f"{bodies} general remark{'' if bodies == 1 else 's'}"] if bodies else []
    return " and ".join(said)


def _listed(lines: Sequence[str]) -> str:
    shown = "\n".join(f"- {readable(line).replace(chr(10), ' ')[:300]}" for line in lines)
    return cut(shown, TITLES_LIMIT) or "(none)"
