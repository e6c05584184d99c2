"""Before workers are forked each model answers once, with nobody at the other end."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import socket, sys, time
def refuse(*_given):
    raise SystemExit("somebody was called")
socket.socket.connect = socket.getaddrinfo = refuse
from jobs.models import preload
from jobs.models.rehearsal import ASKED, TOOL, _answer, rehearse
from jobs.models import chain, transport
preload([{name!r}])
rehearse([{name!r}])
with transport.answered_by(_answer):
    model = chain.build([{name!r}], anthropic_api_key="k", openai_api_key="k", openai_base_url="http://localhost/v1")
    reply = model.query("", ASKED, [TOOL])
print([block["type"] for block in reply.content])
"""


@pytest.mark.parametrize(
    ("name", "blocks"), [("claude-opus-5-5", ["text", "tool_use"]), ("openai:qwen3-coder", ["text"])]
)
def test_a_model_answers_without_a_connection(name: str, blocks: list[str]) -> None:
    """Text and a call come as they would from a server; no socket is connected and no name is looked up."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name=name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == f"{blocks}\n", done.stderr


def test_a_name_that_is_none_stops_nobody() -> None:
    """It is told when it is asked."""
    script = "from jobs.models.rehearsal import rehearse; rehearse(['nobody', 'openai:']); print('on')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "on\n", done.stderr
