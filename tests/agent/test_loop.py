"""The loop, with a scripted model and a real sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.agent.tools import Purpose
from jobs.models.scripted import ScriptedModel, call, say
from jobs.types import (
    Cancelled,
    LeaseLost,
    LimitReached,
    Limits,
    LoopDetected,
    ModelError,
    NeedsHuman,
    Paused,
    Phase,
    PlanItem,
    Reply,
    Usage,
)

if TYPE_CHECKING:
    from tests.agent.conftest import Run

FINISH = {"title": "Fix it", "summary": "It was broken; it is not any more."}


def unusual(content: list[dict[str, object]], stop_reason: str) -> Reply:
    """Return a reply that stopped for another reason than usual."""
    return Reply(content, stop_reason, Usage(10, 10), 0.01, "scripted")


def test_the_model_works_with_its_tools_until_it_finishes(run: Run) -> None:
    """Tools change the workspace, their results reach the model, and finish ends with its words."""
    end = run(
        call("update_plan", items=[{"text": "Write it", "state": "in_progress"}]),
        call("str_replace_based_edit_tool", command="create", path="a.txt", file_text="one\ntwo\n"),
        call("bash", command="cd /tmp && X=5; wc -l < /workspace/a.txt"),
        call("bash", command="pwd; echo $X; exit_code() { return 3; }; exit_code"),
        call("finish", **FINISH),
    )
    assert (end.title, end.summary) == ("Fix it", FINISH["summary"])
    assert run.results(2) == ["2"]
    assert run.results(3) == ["/tmp\n5\n[exit code 3]"]
    assert run.journal.told[0] == (Phase.PLANNING, ())
    assert run.journal.told[-1] == (Phase.CODING, (PlanItem("Write it", "in_progress"),))
    assert [query.messages[-1]["content"][0]["type"] for query in run.model.queries][1:] == ["tool_result"] * 4


def test_each_step_is_stored_before_the_next_begins(run: Run) -> None:
    """A reply is recorded before its tools run, again with their results, and only then comes the next query."""
    run(call("bash", command="echo 1"), call("finish", **FINISH))
    assert [(step.index, step.results is not None) for step in run.journal.history] == [
        (0, False),
        (0, True),
        (1, False),
    ]
    assert run.journal.kept[0].cost == 0.01


def test_plain_words_end_the_work_too(run: Run) -> None:
    """A reply without tool calls is the end, with its text as the summary."""
    end = run(call("bash", command="true"), say("Nothing to do: it works."))
    assert (end.title, end.summary) == ("", "Nothing to do: it works.")


def test_words_without_any_work_are_asked_about_once(run: Run) -> None:
    """A model that only announces what it will do is told to use its tools; if it insists, that is the end."""
    end = run(say("I will look."), say("Nothing to do."))
    assert end.summary == "Nothing to do."
    assert "called no tool" in run.results(0)[0]


def test_an_end_that_is_not_accepted_goes_back_to_the_model(run: Run) -> None:
    """What on_finish says is the tool's result, and the model has another go."""
    end = run(call("finish", title="A", summary="a"), call("finish", title="B", summary="b"), refuse=["2 tests failed"])
    assert end.title == "B"
    assert run.results(0) == ["2 tests failed"]
    assert run.journal.told[-1][0] is Phase.CODING


def test_an_empty_answer_to_an_end_accepts_it(run: Run) -> None:
    """Nothing to say about the end is an acceptance, as None is; the model is not sent on with no words."""
    assert run(call("finish", **FINISH), refuse=[""]).title == "Fix it"


def test_an_end_beside_a_failing_call_is_not_taken(run: Run) -> None:
    """Finish in one reply with another call comes last, and not at all when that one failed."""
    both = [*call("finish", **FINISH), *call("str_replace_based_edit_tool", command="view", path="no.txt")]
    run(both, call("finish", **FINISH))
    assert "cannot be read" in run.results(0)[0]
    assert "not finished" in run.results(0)[1]
    assert len(run.finishes) == 1


def test_a_message_of_a_person_is_delivered_and_survives(run: Run) -> None:
    """Words of people come after the tools' results, marked as theirs, within a recorded step, each once."""
    run.journal.wishes = [["use tabs"], ["and hurry"]]
    run(call("bash", command="true"), call("finish", **FINISH))
    notes = run.results(0)
    assert len(notes) == 3
    assert "use tabs" in notes[1]
    assert "a person who may steer" in notes[1]
    assert "and hurry" in notes[2]
    assert "use tabs" in str(run.model.queries[1].messages[-1])


def test_a_message_between_steps_is_part_of_the_last_step(run: Run) -> None:
    """What a person says after a step was recorded is recorded with it before the next query."""
    run.journal.wishes = [[], [], ["stop at a.py"]]
    run(call("bash", command="true"), call("finish", **FINISH))
    assert "stop at a.py" in str(run.model.queries[1].messages[-1])
    assert "stop at a.py" in run.results(0)[1]


def test_a_message_at_the_last_moment_is_not_lost(run: Run) -> None:
    """Somebody who writes while the model finishes is heard before the end."""
    run.journal.wishes = [[], ["wait, also fix b"]]
    run(call("finish", **FINISH), call("finish", **FINISH))
    assert "also fix b" in str(run.model.queries[1].messages[-1])
    assert len(run.finishes) == 1


@pytest.mark.parametrize("wish", [Cancelled("by @mona"), Paused("by @mona")])
def test_a_wish_between_two_calls_keeps_what_was_done(run: Run, wish: Exception) -> None:
    """An interruption between tool calls keeps the results so far, and the next attempt runs only the rest."""
    run.journal.wishes = [[], [], wish]
    both = [*call("bash", command="echo x >> log"), *call("bash", command="echo y >> log")]
    with pytest.raises(type(wish), match="@mona"):
        run(both)
    assert len(run.results(0)) == 1
    run(call("bash", command="cat log"), call("finish", **FINISH))
    assert run.results(1) == ["x\ny"]


def test_a_lost_lease_writes_nothing_more(run: Run) -> None:
    """After the lease is lost the attempt stops without recording anything."""
    run.journal.wishes = [[], LeaseLost("attempt 2")]
    with pytest.raises(LeaseLost):
        run(call("bash", command="true"))
    assert [step.results for step in run.journal.history] == [None]


def test_a_question_waits_for_its_answer(run: Run) -> None:
    """ask_human stops the run; with an answer the next attempt goes on in the same step, without one it asks again."""
    with pytest.raises(NeedsHuman, match="Which\\?"):
        run([*call("ask_human", question="Which?"), *call("bash", command="echo first")])
    with pytest.raises(NeedsHuman, match="Which\\?"):
        run()
    run.journal.wishes = [["The second."]]
    run(call("finish", **FINISH))
    notes = run.results(0)
    assert notes[0] == "first"
    assert "If that answers your question" in notes[1]
    assert "The second." in notes[2]
    assert len(run.model.queries) == 1


def test_a_worker_that_died_in_a_tool_is_not_paid_again(run: Run) -> None:
    """A reply whose tools died is taken up: what may have run is answered in words, what only looks is run again."""

    class Dead(BaseException):
        """The worker's death."""

    run.sandbox.write("/workspace/a.txt", b"hello\n")
    calls = [*call("bash", command="echo once"), *call("str_replace_based_edit_tool", command="view", path="a.txt")]
    run.journal.wishes = [[], Dead()]
    with pytest.raises(Dead):
        run(calls)
    run(call("finish", **FINISH))
    assert "restarted while this ran" in run.results(0)[0]
    assert "hello" in run.results(0)[1]
    assert len(run.journal.kept) == 2
    assert run.model.queries[0].messages[1]["content"] == calls


def test_an_end_that_was_accepted_is_found_again_unpaid(run: Run) -> None:
    """A worker that dies after the end comes to the same end without a query."""
    run(call("finish", **FINISH))
    assert run().title == "Fix it"
    assert not run.model.queries
    assert len(run.finishes) == 2


def test_the_plan_is_known_after_a_restart(run: Run) -> None:
    """The next attempt shows the plan at once and goes on in the phase that was reached."""
    with pytest.raises(ModelError):
        run(call("update_plan", items=[{"text": "A", "state": "done"}]))
    run(call("finish", **FINISH))
    assert run.journal.told[-1] == (Phase.CODING, (PlanItem("A", "done"),))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(steps=3), "limit of steps was reached: 3 of 3 steps"),
        (Limits(dollars=0.03), r"limit of dollars was reached: \$0.03 of \$0.03"),
        (Limits(tokens=360), "limit of tokens was reached: 360 of 360"),
    ],
)
def test_a_limit_ends_the_run_in_words_and_counts_earlier_attempts(run: Run, limits: Limits, words: str) -> None:
    """At a limit no query is made any more, in this attempt or the next."""
    with pytest.raises(LimitReached, match=words):
        run(*[call("bash", command=f"echo {number}") for number in range(9)], limits=limits)
    assert len(run.model.queries) == 3
    with pytest.raises(LimitReached, match=words):
        run(call("bash", command="true"), limits=limits)
    assert not run.model.queries


def test_steps_of_another_conversation_count_in_the_limits_only(run: Run) -> None:
    """What was paid before brings the limit nearer, and the model does not see it."""
    run(call("bash", command="echo planned"), call("finish", plan="Do it."), purpose=Purpose.PLAN)
    paid = run.journal.steps()
    run.journal = type(run.journal)()
    with pytest.raises(LimitReached, match="3 of 3 steps"):
        run(call("bash", command="true"), call("finish", **FINISH), limits=Limits(steps=3), paid=paid)
    assert "planned" not in str(run.model.queries[0].messages)


def test_who_only_reads_has_no_tool_to_change_with(run: Run) -> None:
    """The editor is not offered and not run; the end has the words, and no plan is needed for the phase to stay."""
    run.sandbox.write("/workspace/a.txt", b"one\n")
    end = run(
        call("str_replace_based_edit_tool", command="create", path="a.txt", file_text="two"),
        call("view", path="a.txt"),
        call("finish", answer="It says one."),
        purpose=Purpose.ASK,
    )
    assert (end.title, end.summary) == ("", "It says one.")
    assert run.results(0) == ["There is no tool str_replace_based_edit_tool. The tools are bash, view, finish."]
    assert run.results(1) == ["     1\tone"]
    assert {phase for phase, _ in run.journal.told} == {Phase.PLANNING}


def test_the_model_is_told_once_when_a_limit_is_near(run: Run) -> None:
    """At four fifths of a limit one note is given, also across attempts."""
    calls = [call("bash", command=f"echo {number}") for number in range(9)]
    with pytest.raises(ModelError):
        run(*calls[:8], limits=Limits(steps=10))
    with pytest.raises(LimitReached):
        run(*calls, limits=Limits(steps=10))
    notes = [note for index in range(10) for note in run.results(index) if "close to the limit" in note]
    assert len(notes) == 1
    assert "8 of 10 steps" in run.results(7)[1]


def test_minutes_are_a_limit_and_bound_a_command(run: Run) -> None:
    """A command gets no more seconds than the run has left, and then the run ends."""
    with pytest.raises(LimitReached, match="limit of minutes"):
        run(call("bash", command="sleep 30", timeout=600), limits=Limits(minutes=0.05), tick=0.7)
    assert "[ended after" in run.results(0)[0]


def test_the_same_call_with_the_same_output_is_a_loop(run: Run) -> None:
    """The third time the model is told, the fourth time the run stops."""
    same = [call("bash", command="cat nothing; true") for _ in range(5)]
    with pytest.raises(LoopDetected, match="bash"):
        run(*same)
    assert len(run.model.queries) == 4
    assert "same result three times" in run.results(2)[1]


def test_a_loop_is_seen_across_attempts(run: Run) -> None:
    """Calls of earlier attempts count, and that the model was told."""
    with pytest.raises(ModelError):
        run(*[call("bash", command="true") for _ in range(3)])
    with pytest.raises(LoopDetected):
        run(call("bash", command="true"))


def test_after_an_edit_the_same_command_is_a_new_question(run: Run) -> None:
    """Running the tests after each change is no loop, even when they fail in the same way."""
    for number in range(4):
        edit = call("str_replace_based_edit_tool", command="create", path="a", file_text=str(number))
        with pytest.raises(ModelError):
            run(edit, call("bash", command="echo failed in 0.1s"), call("bash", command="echo failed in 0.1s"))
    run(call("finish", **FINISH))
    assert not any("three times" in note for index in range(12) for note in run.results(index))


@pytest.mark.parametrize(
    "reply",
    [
        call("nothing_like_it"),
        call("bash", cmd="ls"),
        call("bash", arguments_that_are_no_json_object="{broken"),
        [],
        unusual([], "refusal"),
        unusual([{"type": "text", "text": "I wil"}], "max_tokens"),
        unusual(call("bash", command="rm -rf /work"), "max_tokens"),
        unusual([{"type": "thinking", "thinking": "hm", "signature": ""}], "end_turn"),
    ],
)
def test_nonsense_is_explained_and_has_an_end(run: Run, reply: object) -> None:
    """A reply that cannot be used is answered in words; the fifth in a row ends the run, a good one between starts anew."""
    good = call("bash", command="true")
    with pytest.raises(LoopDetected, match="5 replies in a row that could not be used"):
        run(reply, reply, good, *[reply] * 9)
    assert len(run.model.queries) == 8
    assert run.results(0)[0]
    for query in run.model.queries:
        assert all(message["content"] for message in query.messages)


def test_a_call_that_was_cut_off_is_not_run(run: Run) -> None:
    """A reply at its longest may end in half a call: that one is not run, the ones before it are."""
    half = call("str_replace_based_edit_tool", command="create", path="a.py", file_text="half")
    run(unusual([*call("bash", command="echo whole"), *half], "max_tokens"), call("finish", **FINISH))
    assert run.results(0)[0] == "whole"
    assert "cut off" in run.results(0)[1]
    assert run.sandbox.run("ls", timeout=10).output == ""


def test_a_full_context_window_is_a_limit(run: Run) -> None:
    """A conversation that no longer fits ends the run as a limit does."""
    with pytest.raises(LimitReached, match="context window"):
        run(unusual([], "model_context_window_exceeded"))


def test_another_model_may_plan(run: Run) -> None:
    """The planner answers until there is a plan; then the other model goes on."""
    planner = ScriptedModel(
        [call("bash", command="ls"), call("update_plan", items=[{"text": "A", "state": "pending"}])]
    )
    run(call("finish", **FINISH), planner=planner)
    assert (len(planner.queries), len(run.model.queries)) == (2, 1)
