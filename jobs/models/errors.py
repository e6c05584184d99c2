"""The two ways in which one model of a chain fails, and the words for an answer over HTTP that is no reply."""

from __future__ import annotations

from jobs.types import ModelError

BAD_REQUEST, RATE_LIMITED, SERVER_ERROR, OVERLOADED = 400, 429, 500, 529
SHOWN = 300


class ModelUnavailable(ModelError):
    """This model cannot answer now or at all, for a reason outside the request; another model may."""


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


def from_status(name: str, status: int, detail: str, *, key: str) -> ModelError:
    """Say in words what an endpoint's error status means; ``key`` is the variable that holds the key.

    The statuses are those of both providers' error pages; 529 is Anthropic's "overloaded".
    """
    said = f" It said: {detail.strip()[:SHOWN]}" if detail.strip() else ""
    if status in STATUSES and (status != BAD_REQUEST or "credit balance" in detail):
        return ModelUnavailable(f"{name}: {STATUSES[status].format(key=key)} ({status}).{said}")
    if status >= SERVER_ERROR:
        return ModelUnavailable(f"{name}: the endpoint failed ({status}). Try again in some minutes.{said}")
    return ModelRefused(
        f"{name}: the endpoint refused the request as invalid ({status}), so no other model was asked. "
        f"Choose another model in OPUS67_MODEL, or report this.{said}"
    )


def unreachable(name: str, url: str, detail: str) -> ModelUnavailable:
    """Say that an endpoint gave no answer."""
    return ModelUnavailable(f"{name}: no answer from {url} ({detail[:SHOWN]}). Check the address and the network.")


def broken(name: str, url: str, detail: str) -> ModelUnavailable:
    """Say that an endpoint's answer broke off or made no sense, each time that it was asked."""
    return ModelUnavailable(
        f"{name}: the answer from {url} broke off or made no sense ({detail[:SHOWN]}). Check what listens there."
    )
