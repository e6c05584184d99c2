"""The HTTP client under both SDKs: time-outs, and a bound on how long a server may ask us to wait."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.trust import trusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2

LONGEST_WAIT = 30.0
"""Seconds of ``Retry-After`` that are waited for; the SDKs would sleep for days when told to."""
LONGEST_WISH = 3600.0
"""Seconds of ``Retry-After`` that a task is put off for at most."""
QUICK_RETRIES = 2
"""Where another model can be asked: about a second and a half of the SDKs' back-off."""
PATIENT_RETRIES = 7
"""Where nobody else can be asked: about half a minute, since the run is worth more than the wait."""
CONNECT_TIMEOUT = 10.0

_stand_in: Callable[[httpx2.Request], httpx2.Response] | None = None


def options(timeout: float) -> dict[str, Any]:
    """Return arguments for either SDK's ``DefaultHttpxClient``; ``timeout`` is seconds between two pieces of data."""
    import httpx2  # noqa: PLC0415 - the SDKs bring it

    chosen = {} if _stand_in is None else {"transport": httpx2.MockTransport(_stand_in)}  # else it is the SDK's choice
    return {
        **chosen,
        "timeout": httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
        "event_hooks": {"response": [_bound_wait]},
        "verify": trusted(),
    }


@contextmanager
def answered_by(answer: Callable[[httpx2.Request], httpx2.Response]) -> Iterator[None]:
    """Have a function answer what is asked by clients that are made meanwhile, instead of a server."""
    global _stand_in  # noqa: PLW0603 - of this process, which does nothing else meanwhile
    _stand_in = answer
    try:
        yield
    finally:
        _stand_in = None


def _bound_wait(response: httpx2.Response) -> None:
    """Tell the SDK not to try again where the server asks for a longer wait than a run should sleep."""
    asked = _asked(response)
    if asked is None:  # a date, or nonsense: the SDK's own back-off is short
        response.headers.pop("retry-after", None)
    elif not asked <= LONGEST_WAIT:
        response.headers["x-should-retry"] = "false"


def retry_after(response: httpx2.Response) -> float:
    """Return how many seconds a server asks to be left alone, an hour at most, and 0 where it does not say."""
    asked = _asked(response)
    return min(asked, LONGEST_WISH) if asked is not None and asked > 0 else 0.0


def _asked(response: httpx2.Response) -> float | None:
    milliseconds = _number(response.headers.get("retry-after-ms"))
    return milliseconds / 1000 if milliseconds else _number(response.headers.get("retry-after"))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
