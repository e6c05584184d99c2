"""The fallback chain and the names of models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jobs.models.chain import build, parse_names, preload, split
from jobs.types import Message, ModelError
from tests.models.endpoint import Endpoint, chat, claude, error

if TYPE_CHECKING:
    from tests.models.conftest import Connect

Serve = Callable[..., Endpoint]
HELLO: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
TEXT = {"type": "text", "text": "Fine."}


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_the_next_model_answers_where_the_first_cannot(serve: Serve, connect: Connect, status: int) -> None:
    """An outage, a bad key or an unknown model leads to the next of the chain, and the reply says who answered."""
    first, second = serve(error(status, "x", "no", **{"x-should-retry": "false"})), serve(chat({"content": "hi"}))
    model = connect("claude-opus-5-5,openai:qwen3", claude=first, chat=second)
    assert model.query("s", HELLO, []).model == "openai:qwen3"
    assert model.query("s", HELLO, []).model == "openai:qwen3"
    assert len(first.requests) == 1


def test_a_refused_request_is_not_tried_elsewhere(serve: Serve, connect: Connect) -> None:
    """A 400 is our fault: it is said, and the next model is not paid for it."""
    first, second = serve(error(400, "invalid_request_error", "bad")), serve(chat({"content": "hi"}))
    with pytest.raises(ModelError, match="no other model was asked"):
        connect("claude-opus-5-5", "openai:qwen3", claude=first, chat=second).query("s", HELLO, [])
    assert not second.requests


def test_when_nobody_answers_each_reason_is_told(serve: Serve, connect: Connect) -> None:
    """The error of a chain lists every model with its cure."""
    chain = connect(
        "claude-opus-5-5", "openai:q", claude=serve(error(401, "x", "no")), chat=serve(error(404, "x", "no"))
    )
    with pytest.raises(ModelError, match=r"None of the 2 models(.|\n)*ANTHROPIC_API_KEY(.|\n)*OPUS67_MODEL"):
        chain.query("s", HELLO, [])


def test_a_chain_comes_back_to_the_first_when_the_second_fails(serve: Serve, connect: Connect) -> None:
    """Who answered last is asked first; when that one fails, the others get another chance."""
    first = serve(error(401, "x", "no"), claude([TEXT]))
    second = serve(chat({"content": "hi"}), error(401, "x", "no"))
    model = connect("claude-opus-5-5,openai:q", claude=first, chat=second)
    assert [model.query("s", HELLO, []).model for _ in range(2)] == ["openai:q", "claude-opus-5-5"]


def test_names_are_read_with_and_without_provider() -> None:
    """A chain is separated by commas; only a known provider before the colon counts as one."""
    assert parse_names([" a , b", "a", ""]) == ["a", "b"]
    assert split("openai:qwen3-coder:30b") == ("openai", "qwen3-coder:30b")
    assert split("claude-opus-5-5") == ("anthropic", "claude-opus-5-5")
    assert split("qwen3:30b") == ("anthropic", "qwen3:30b")


def test_no_name_at_all_is_said() -> None:
    """A chain of nothing is an error with an example."""
    with pytest.raises(ModelError, match="OPUS67_MODEL=claude"):
        build([" ", ""])


def test_the_package_is_light_and_preload_is_not() -> None:
    """Importing and building imports no SDK; preload brings what the first query needs."""
    code = (
        "import sys, jobs.models as m; m.build(['claude-opus-5-5', 'openai:q']);"
        "print('anthropic' in sys.modules, 'openai' in sys.modules, 'yaml' in sys.modules)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert seen.stdout.split() == ["False", "False", "False"], seen.stdout
    preload(["claude-opus-5-5", "openai:q"])
    assert {"anthropic.resources.beta.messages", "openai.resources.chat.completions"} <= set(sys.modules)
