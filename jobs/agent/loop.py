"""The loop: ask the model, run its tools in the sandbox, keep the step; until it finishes or something ends it.

Pure but for what is passed in: no clock, no environment, no provider.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.agent import limits as bounds
from jobs.agent import prompts
from jobs.agent.context import cut, readable
from jobs.agent.editor import ToolProblem
from jobs.agent.repetition import Repeated, Repetition
from jobs.agent.schema import InputProblem, read_input
from jobs.agent.tools import (
    ENDING,
    Finish,
    FinishRequest,
    Purpose,
    ToolContext,
    changes_nothing,
    edits_files,
    toolbox,
)
from jobs.agent.transcript import (
    calls_of,
    conversation,
    is_answered,
    reply_message,
    result,
    results_of,
    text_of,
    user_message,
    words,
)
from jobs.types import Interruption, LeaseLost, LimitReached, LoopDetected, Phase, Step, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from jobs.agent.journal import Journal
    from jobs.types import Block, Limits, Message, Model, Sandbox

log = logging.getLogger(__name__)

UNUSABLE_REPLIES = 5
CUT_OFF = "max_tokens"
CONTEXT_FULL = "model_context_window_exceeded"
REFUSAL = "refusal"
CUT_CALL = (
    "Your reply was cut off at its longest, so this call was not run. Write less at once, for example a file in parts."
)
CUT_REPLY = (
    "Note from the harness: your reply was cut off at its longest. Go on in smaller parts, with a tool call in each."
)
REFUSED_REPLY = "Note from the harness: your last reply was stopped by the provider's safety filter. Go on another way."
EMPTY_REPLY = "Note from the harness: your last reply was empty. Go on with a tool call, or call `finish`."
FAILED_BESIDE = "The work is not finished: another call of the same reply failed. Look at that first."
WRITTEN_MEANWHILE = "The work is not finished: a person has written meanwhile; see the harness's note below."


def work(
    *,
    model: Model,
    sandbox: Sandbox,
    journal: Journal,
    system: str,
    request: Message,
    limits: Limits,
    on_finish: Callable[[FinishRequest], str | None],
    now: Callable[[], float],
    started_at: float,
    planner: Model | None = None,
    purpose: Purpose = Purpose.WORK,
    paid: Sequence[Step] = (),
    hear: Callable[[str, Mapping[str, Any]], str] | None = None,
    before: Sequence[Message] = (),
) -> FinishRequest:
    """Work until the end that ``on_finish`` accepts with None; a text goes back to the model for another go.

    ``now`` and ``started_at`` are seconds of one clock. ``planner`` answers until there is a plan or a change of files.
    ``purpose`` chooses the tools; ``paid`` are steps outside this conversation that count in the limits.
    ``hear`` answers the tools that report something, by their name and input. ``before`` is an earlier conversation
    that this one goes on from; its last message is the model's.
    Raises the interruptions of ``jobs.types``, and ``ModelError`` or ``SandboxError`` when these are lost.
    """
    run = _Run(model, planner or model, sandbox, journal, system, request, limits, on_finish, now, started_at)
    run.purpose, run.tools, run.paid, run.before = purpose, toolbox(purpose), tuple(paid), tuple(before)
    if hear is not None:
        run.context.hear = hear
    return run.go()


class _Run:
    """One attempt's state: the steps so far, people's messages that wait, and what was counted."""

    def __init__(
        self,
        model: Model,
        planner: Model,
        sandbox: Sandbox,
        journal: Journal,
        system: str,
        request: Message,
        limits: Limits,
        on_finish: Callable[[FinishRequest], str | None],
        now: Callable[[], float],
        started_at: float,
    ) -> None:
        self.model, self.planner, self.journal = model, planner, journal
        self.system, self.request, self.limits = system, request, limits
        self.on_finish, self.now, self.started_at = on_finish, now, started_at
        self.purpose, self.tools = Purpose.WORK, toolbox()
        self.paid: tuple[Step, ...] = ()
        self.before: tuple[Message, ...] = ()
        self.steps: list[Step] = list(journal.steps())
        self.context = ToolContext(sandbox, self._seconds_left)
        self.repetition = Repetition()
        self.waiting: list[str] = []
        self.phase = Phase.PLANNING
        self.unusable = 0

    def go(self) -> FinishRequest:
        self._remember()
        self.journal.progress(self.phase, self.context.plan)
        finished = self._take_up()
        while finished is None:
            self._deliver()
            self._check_limits()
            finished = self._step()
        return finished

    def _remember(self) -> None:
        """Read from earlier attempts' steps what this one must know: the plan, the phase, what was repeated."""
        for step in self.steps:
            results = results_of(step)
            for call in (call for call in calls_of(step.reply) if call["id"] in results):
                found = results[call["id"]]
                self._note(call, str(found["content"]), failed=bool(found.get("is_error")))
                if call["name"] == "update_plan":
                    self._run_tool(call)

    def _take_up(self) -> FinishRequest | None:
        """Complete a step whose reply was paid for but whose tools did not all answer."""
        if not self.steps or is_answered(self.steps[-1]):
            return None
        step = self.steps[-1]
        return self._answer(step, list(results_of(step).values()), unknown=step.results is None)

    def _deliver(self) -> None:
        """Hear people and outside wishes; with a step to carry them, messages are delivered before the next query."""
        self.waiting += self.journal.attend()
        if self.waiting and self.steps:
            last = self.steps[-1]
            blocks = last.results["content"] if last.results is not None else []
            self._keep(replace(last, results=user_message([*blocks, *self._take_waiting()])))

    def _check_limits(self) -> None:
        for meter in self._meters():
            if meter.reached:
                raise LimitReached(f"The limit of {meter.name} was reached: {meter.words} were used.", meter.name)

    def _step(self) -> FinishRequest | None:
        asked = self.planner if self.phase is Phase.PLANNING else self.model
        begun = self.now()
        schemas = [tool.schema for tool in self.tools.values()]
        reply = asked.query(self.system, [*self.before, *conversation(self.request, self.steps)], schemas)
        step = Step(
            index=len(self.steps),
            reply=reply_message(reply),
            results=None,
            usage=reply.usage,
            cost=reply.cost,
            model=reply.model,
            seconds=self.now() - begun,
        )
        self.steps.append(step)
        self.journal.record(step)
        return self._answer(step, [])

    def _answer(self, step: Step, done: list[Block], *, unknown: bool = False) -> FinishRequest | None:
        """Answer a reply: run its tools or take it as the end; None means that the work goes on.

        ``done`` are results that an interrupted attempt kept; ``unknown`` says that calls may have run unseen.
        An accepted end is not recorded as answered: an attempt that takes it up comes to the same end, unpaid.
        """
        blocks = done
        try:
            if calls_of(step.reply):
                finished = self._run_calls(step, blocks, unknown=unknown)
            else:
                finished = self._end_in_words(step, blocks)
        except LeaseLost:
            raise
        except Interruption:
            self._keep(replace(step, results=user_message([*blocks, *self._take_waiting()])))
            raise
        if finished is not None:
            return finished
        blocks += self._take_waiting()
        blocks += self._near_limits()
        self._keep(replace(step, results=user_message(blocks)))
        self._stop_nonsense(step, blocks)
        return None

    def _run_calls(self, step: Step, blocks: list[Block], *, unknown: bool) -> FinishRequest | None:
        """Run the calls that have no result yet, those that end the work last; results are added to ``blocks``."""
        answered = {block["tool_use_id"] for block in blocks}
        cut_call = step.reply["content"][-1] if step.reply.get("stop_reason") == CUT_OFF else None
        for call in sorted(calls_of(step.reply), key=lambda call: call["name"] in ENDING):
            if call["id"] in answered:
                continue
            self.waiting += self.journal.attend()
            if call is cut_call:
                blocks.append(result(call, CUT_CALL, failed=True))
            elif unknown and call["name"] not in ENDING and not changes_nothing(call["name"], call["input"]):
                blocks.append(result(call, prompts.fill("restarted"), failed=True))
            elif call["name"] == "ask_human" and self.waiting:
                blocks.append(result(call, prompts.fill("answered")))
            else:
                try:
                    self._run_call(call, blocks)
                except Finish as end:
                    refusal = self._refusal(end.request, blocks)
                    if refusal is None:
                        return end.request
                    blocks.append(result(call, refusal))
        return None

    def _run_call(self, call: Block, blocks: list[Block]) -> None:
        before = (self.phase, self.context.plan)
        text, failed = self._run_tool(call)
        blocks.append(result(call, text, failed=failed))
        repeated = self._note(call, text, failed=failed)
        if (self.phase, self.context.plan) != before:
            self.journal.progress(self.phase, self.context.plan)
        if repeated is Repeated.TELL:
            blocks.append(words(prompts.fill("repeated")))
        if repeated is Repeated.LOOP:
            raise LoopDetected(f"The agent repeated the same call of {call['name']} with the same result, though told.")

    def _run_tool(self, call: Block) -> tuple[str, bool]:
        """Run one tool and tell whether it failed; what goes wrong in it becomes words for the model."""
        tool = self.tools.get(call["name"])
        if tool is None:
            return f"There is no tool {call['name']}. The tools are {', '.join(self.tools)}.", True
        try:
            return cut(tool.run(self.context, **read_input(tool.schema, call["input"]))), False
        except (InputProblem, ToolProblem) as problem:
            return readable(str(problem)), True
        except (Interruption, Finish, UserError):
            raise
        except Exception:  # A tool call is one of the four edges: the error is logged, and the model goes on.
            log.exception("a tool failed", extra={"tool": call["name"]})
            return f"The tool {call['name']} failed inside the harness. Try it another way.", True

    def _note(self, call: Block, text: str, *, failed: bool) -> Repeated:
        """Count a call for loop detection; a plan or an edit ends the planning, an edit makes old commands new."""
        edited = edits_files(call["name"], call["input"])
        if not failed and (edited or call["name"] == "update_plan"):
            self.phase = Phase.CODING
        if not failed and edited:
            self.repetition.forget()
        if call["name"] == "update_plan" or not self._is_valid(call):
            return Repeated.FINE
        return self.repetition.add(call["name"], call["input"], text)

    def _end_in_words(self, step: Step, blocks: list[Block]) -> FinishRequest | None:
        """Take a reply without tool calls as the end, unless it cannot be one; then the model is told."""
        reason, text = step.reply.get("stop_reason"), text_of(step.reply)
        if reason == CONTEXT_FULL:
            raise LimitReached("The conversation is as long as the model's context window allows.")
        if reason == REFUSAL:
            problem = REFUSED_REPLY
        elif reason == CUT_OFF:
            problem = CUT_REPLY
        elif not text:
            problem = EMPTY_REPLY
        elif len(self.steps) == 1:
            problem = prompts.fill("use_tools", tools=", ".join(f"`{name}`" for name in self.tools))
        else:
            self.waiting += self.journal.attend()
            problem = self._refusal(FinishRequest("", text), blocks) or ""
        if not problem:
            return FinishRequest("", text)
        blocks.append(words(problem))
        return None

    def _refusal(self, request: FinishRequest, blocks: list[Block]) -> str | None:
        """Say why the work is not at its end, or None where it is."""
        if any(block.get("is_error") for block in blocks):
            return FAILED_BESIDE
        if self.waiting:
            return WRITTEN_MEANWHILE
        answer = self.on_finish(request)
        if not answer:
            self.waiting += self.journal.attend()  # Checks and review take minutes, in which people go on talking.
            return WRITTEN_MEANWHILE if self.waiting else None
        self.phase = Phase.CODING
        self.journal.progress(self.phase, self.context.plan)
        return answer

    def _stop_nonsense(self, step: Step, blocks: list[Block]) -> None:
        """Count replies of which nothing could be used, and stop after several in a row."""
        self.unusable = 0 if self._is_usable(step.reply) else self.unusable + 1
        if self.unusable >= UNUSABLE_REPLIES:
            last = str(blocks[-1].get("content") or blocks[-1].get("text"))
            raise LoopDetected(f"The model gave {self.unusable} replies in a row that could not be used. {last}")

    def _near_limits(self) -> list[Block]:
        """Return a note for each limit that has come near and was not told yet, in this attempt or an earlier one."""
        told = {
            block["text"]
            for step in self.steps
            for block in (step.results["content"] if step.results is not None else ())
            if block["type"] == "text"
        }
        return [
            words(prompts.fill("near_limit", used=meter.words, name=meter.name))
            for meter in self._meters()
            if meter.near and not meter.reached and not any(f"limit of {meter.name} for" in text for text in told)
        ]

    def _meters(self) -> list[bounds.Meter]:
        return bounds.read(self.limits, [*self.paid, *self.steps], (self.now() - self.started_at) / 60)

    def _seconds_left(self) -> float:
        return self.limits.minutes * 60 - (self.now() - self.started_at)

    def _take_waiting(self) -> list[Block]:
        taken, self.waiting = self.waiting, []
        return [words(prompts.steering(text)) for text in taken]

    def _keep(self, step: Step) -> None:
        self.steps[-1] = step
        self.journal.record(step)

    def _is_usable(self, reply: Message) -> bool:
        """Tell whether a reply had words, or at least one call that a tool can take."""
        calls = calls_of(reply)
        if not calls:
            return bool(text_of(reply)) and reply.get("stop_reason") not in {REFUSAL, CUT_OFF}
        if reply.get("stop_reason") == CUT_OFF and reply["content"][-1] is calls[-1]:
            calls.pop()
        return any(self._is_valid(call) for call in calls)

    def _is_valid(self, call: Block) -> bool:
        tool = self.tools.get(call["name"])
        try:
            return tool is not None and read_input(tool.schema, call["input"]) is not None
        except InputProblem:
            return False
