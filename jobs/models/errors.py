"""The two ways in which one model of a chain fails, and the words for an answer over HTTP that is no reply."""

from __future__ import annotations

from jobs.text.redact import redact
from jobs.types import ModelError

BAD_REQUEST, RATE_LIMITED, SERVER_ERROR, OVERLOADED = 400, 429, 500, 529
SHOWN = 300


class ModelUnavailable(ModelError):
    """This model cannot answer now or at all, for a reason outside the request; another model may.

    ``passing`` is the reason in a few words where it may pass by itself: the service fails, or has too much to do.
    ``retry_after`` is how many seconds the service asked for, 0 where it did not.
    """

    def __init__(self, message: str, *, passing: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.passing, self.retry_after = passing, retry_after


class ModelRefused(ModelError):
    """The endpoint called our request wrong; another model is not asked, since the fault is ours or the setting's."""


STATUSES = {
    400: "the account of {key} has no credit. Add credit or change the key",
    401: "the key was not accepted. Set {key} to a valid key",
    402: "the account of {key} has no credit. Add credit or change the key",
    403: "the key of {key} may not use this model. Grant it, or choose another model",
    404: "there is no such model. Correct its name in OPUS67_MODEL",
    408: "the endpoint took too long. Try again in some minutes",
    429: "the rate limit was reached. Wait, or have the account's limit raised",
    529: "the provider is overloaded. Try again in some minutes",
}


NO_CREDIT = ("credit balance", "insufficient_quota", "exceeded your current quota")
TOO_LONG = ("too long", "context_length_exceeded", "maximum context length")
PASSING = frozenset({408, 429, 529})
"""What passes by itself, beside every 5xx; a 429 for want of credit does not, and says so."""


def from_status(
    name: str, status: int, detail: str, *, key: str, retry_after: float = 0.0, secret: str = ""
) -> ModelError:
    """Say in words what an endpoint's error status means; ``key`` is the variable that holds the key.

    The key itself is the ``secret``, which an endpoint may repeat.

    The statuses are those of both providers' error pages; 529 is Anthropic's "overloaded".
    """
    detail = redact(detail, (secret,)).strip()
    said = f" It said: {detail[:SHOWN]}" if detail else ""
    passes = (status in PASSING or status >= SERVER_ERROR) and not any(word in detail for word in NO_CREDIT)
    passing = f"{name} answers {status}" if passes else ""
    if status in STATUSES and (status != BAD_REQUEST or "credit balance" in detail):
        words = f"{name}: {STATUSES[status].format(key=key)} ({status}).{said}"
        return ModelUnavailable(words, passing=passing, retry_after=retry_after)
    if status >= SERVER_ERROR:
        words = f"{name}: the endpoint failed ({status}). Try again in some minutes.{said}"
        return ModelUnavailable(words, passing=passing, retry_after=retry_after)
    if any(word in detail for word in TOO_LONG):
        words = f"{name}: the conversation is longer than the model can read ({status}). Ask for less at once"
        return ModelRefused(f"{words}, or choose a model that reads more in OPUS67_MODEL.{said}")
    return ModelRefused(
        f"{name}: the endpoint refused the request as invalid ({status}), so no other model was asked. "
        f"Choose another model in OPUS67_MODEL, or report this.{said}"
    )


def unreachable(name: str, url: str, detail: str) -> ModelUnavailable:
    """Say that an endpoint gave no answer."""
    words = f"{name}: no answer from {url} ({detail[:SHOWN]}). Check the address and the network."
    return ModelUnavailable(words, passing=f"{name} gives no answer from {url}")


def broken(name: str, url: str, detail: str, *, cut: bool = False, secret: str = "") -> ModelUnavailable:
    """Say that an endpoint's answer was ``cut`` off, which passes, or made no sense, each time that it was asked."""
    detail = redact(detail, (secret,))
    words = f"{name}: the answer from {url} broke off or made no sense ({detail[:SHOWN]}). Check what listens there."
    return ModelUnavailable(words, passing=f"{name} breaks its answers off" if cut else "")
