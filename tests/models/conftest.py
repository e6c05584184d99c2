"""Models that are connected to a loopback endpoint, and closed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from jobs.models.chain import Chain, build
from tests.models.endpoint import Endpoint

Connect = Callable[..., Chain]


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    """Yield a function that starts an endpoint with the given answers."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(Endpoint(list(answers)))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Yield a function that builds a chain against endpoints, with keys."""
    with ExitStack() as stack:

        def make(*names: str, claude: Endpoint | None = None, chat: Endpoint | None = None, **more: Any) -> Chain:
            access = {
                "anthropic_api_key": "key-a",
                "openai_api_key": "key-o",
                "anthropic_base_url": claude.url if claude else "http://127.0.0.1:9",
                "openai_base_url": chat.url if chat else "http://127.0.0.1:9",
                "timeout": 5.0,
                "patience": 1,
            }
            chain = build(names, **{**access, **more})
            stack.callback(chain.close)
            return chain

        yield make
