"""A fallback chain: the first model that answers keeps the run, and when none does the error says what to do."""

from __future__ import annotations

import importlib
import logging
import time
from typing import TYPE_CHECKING, Protocol

from jobs.models.errors import ModelRefused, ModelUnavailable
from jobs.models.transport import PATIENT_RETRIES, QUICK_RETRIES
from jobs.types import Message, Model, ModelAway, ModelError, Reply, ToolSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.breaker import Breaker

log = logging.getLogger(__name__)

PROVIDERS = {
    "anthropic": "jobs.models.anthropic:AnthropicModel",
    "openai": "jobs.models.openai_compatible:OpenAICompatibleModel",
}
DEFAULT_PROVIDER = "anthropic"
LIBRARIES = {"anthropic": ("anthropic", "httpx2"), "openai": ("openai", "httpx2")}
MORE_MODULES = {"anthropic": ("anthropic.resources.beta.messages",), "openai": ("openai.resources.chat.completions",)}


class ClosableModel(Model, Protocol):
    """A model that holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


class Chain:
    """Models in order of preference; who answered last is asked first, since caches and thinking belong to a model.

    With a ``breaker`` a model whose service is known to be away is passed over until somebody may try it again.
    """

    def __init__(self, models: Sequence[ClosableModel], breaker: Breaker | None = None) -> None:
        self._models, self._breaker = list(models), breaker
        self._first = 0
        self.name = models[0].name

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer with the first model that can; a request that an endpoint calls invalid is not tried elsewhere.

        Raises ``ModelAway`` where none can now but one may soon, and ``ModelError`` where waiting helps nobody.
        """
        failures: list[str] = []
        away: list[ModelAway] = []
        for turn in range(len(self._models)):
            place = (self._first + turn) % len(self._models)
            try:
                reply = self._ask(self._models[place], system, messages, tools)
            except ModelAway as error:
                away.append(error)
            except ModelUnavailable as error:
                failures.append(str(error))
                log.warning("a model could not answer", extra={"model": self._models[place].name, "reason": str(error)})
            else:
                self._first, self.name = place, self._models[place].name
                return reply
        if away:
            raise _soonest(away, failures)
        raise ModelError(_nobody(failures))

    def _ask(
        self, model: ClosableModel, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]
    ) -> Reply:
        """Ask one model, and tell the breaker what became of it."""
        breaker, service = self._breaker, service_of(model.name)
        shut = breaker.ask(service) if breaker is not None else None
        if shut is not None:
            raise ModelAway(shut.reason, shut.next_try - time.time(), since=shut.since, services=(service,))
        try:
            reply = model.query(system, messages, tools)
        except ModelUnavailable as error:
            if error.passing:
                log.warning("a model is away", extra={"model": model.name, "reason": str(error)})
                raise self._away(service, error) from error
            self._answered(service)
            raise
        except ModelRefused:
            self._answered(service)
            raise
        self._answered(service)
        return reply

    def _away(self, service: str, error: ModelUnavailable) -> ModelAway:
        if self._breaker is None:
            return ModelAway(error.passing, error.retry_after)
        circuit = self._breaker.failed(service, error.passing, error.retry_after)
        wait = circuit.next_try - time.time() if circuit.is_open else error.retry_after
        return ModelAway(error.passing, wait, since=circuit.since, services=(service,))

    def _answered(self, service: str) -> None:
        if self._breaker is not None:
            self._breaker.answered(service)

    def close(self) -> None:
        """Close every model's connections."""
        for model in self._models:
            model.close()


def build(
    names: Sequence[str],
    *,
    anthropic_api_key: str = "",
    anthropic_base_url: str = "",
    openai_api_key: str = "",
    openai_base_url: str = "",
    timeout: float = 120.0,
    patience: int = PATIENT_RETRIES,
    breaker: Breaker | None = None,
) -> Chain:
    """Build the chain of the named models, ``model`` or ``provider:model``; nothing is connected yet.

    ``timeout`` is seconds that an endpoint may be silent; ``patience`` is how often the last model of the chain, which
    nobody stands in for, is tried again. Raises ``ModelError`` where there is no name.
    """
    access = {
        "anthropic": {"api_key": anthropic_api_key, "base_url": anthropic_base_url},
        "openai": {"api_key": openai_api_key, "base_url": openai_base_url},
    }
    models, chosen = [], parse_names(names)
    for name in chosen:
        provider, model = split(name)
        retries = patience if name == chosen[-1] else QUICK_RETRIES
        module, _, attribute = PROVIDERS[provider].partition(":")
        maker = getattr(importlib.import_module(module), attribute)
        models.append(maker(model, timeout=timeout, retries=retries, **access[provider]))
    if not models:
        raise ModelError("No model is chosen. Set OPUS67_MODEL, for example OPUS67_MODEL=claude-opus-5-5.")
    return Chain(models, breaker)


def parse_names(names: Iterable[str]) -> list[str]:
    """Return the names of a chain, in order, each once; an item may hold several, separated by commas."""
    return list(dict.fromkeys(name.strip() for item in names for name in item.split(",") if name.strip()))


def split(name: str) -> tuple[str, str]:
    """Split ``provider:model``; without a provider of ours in front, the whole is a model of the default one."""
    provider, colon, model = name.partition(":")
    return (provider, model) if colon and provider in PROVIDERS else (DEFAULT_PROVIDER, name)


def preload(names: Sequence[str]) -> None:
    """Import the libraries that these models need, which takes a second or two: for workers, before they fork."""
    for provider in {split(name)[0] for name in parse_names(names)}:
        importlib.import_module(PROVIDERS[provider].partition(":")[0])
        for library in (*LIBRARIES[provider], *MORE_MODULES[provider]):
            importlib.import_module(library)


def service_of(name: str) -> str:
    """Return the name of a model's circuit."""
    return f"model:{name}"


def _soonest(away: Sequence[ModelAway], failures: Sequence[str]) -> ModelAway:
    """Say of all models why they do not answer, and when the first may."""
    known = [error.since for error in away if error.since]
    reasons = "; ".join([*map(str, away), *failures])
    services = tuple(service for error in away for service in error.services)
    wait = min(error.retry_after for error in away)
    return ModelAway(reasons, wait, since=min(known, default=0.0), services=services)


def _nobody(failures: Sequence[str]) -> str:
    if len(failures) == 1:
        return f"The model could not answer. {failures[0]}"
    listed = "\n".join(f"- {failure}" for failure in failures)
    return f"None of the {len(failures)} models could answer:\n{listed}"
