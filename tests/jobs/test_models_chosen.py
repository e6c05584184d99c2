"""People choose the model of a task, also while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.models import call
from jobs.types import Conclusion
from tests.jobs.workshop import FIXED, finish, write

if TYPE_CHECKING:
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap


def test_another_model_goes_on_with_the_same_conversation(workshop: Workshop) -> None:
    """People may change the model while a task runs; one that is not there takes over nothing, in words."""
    store = workshop.services.store

    def reassigned(model: str) -> None:
        with store.write() as connection:
            assert store.tasks.reassign(connection, task.id, model)

    def to_sonnet(_asked: object) -> object:
        reassigned("claude-sonnet-5-5")
        return write()

    def to_nowhere(_asked: object) -> object:
        reassigned("claude-nowhere")
        return call("bash", command="true")

    workshop.plays(work=[to_sonnet, to_nowhere, finish()])  # type: ignore[list-item]
    task = workshop.task()
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    models = [step.model for step in store.runs.steps(task.id)]
    assert models == ["claude-opus-5-5", "claude-sonnet-5-5", "claude-sonnet-5-5"]
    assert workshop.file("greeting.py", task.branch) == FIXED
