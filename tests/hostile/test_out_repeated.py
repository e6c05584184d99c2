"""A service that repeats a key or a token in its error: nobody reads it in what becomes of the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.slack_bot.calling import Calls, Refused
from jobs.github import GitHubRefused
from jobs.models.anthropic import AnthropicModel
from jobs.models.openai_compatible import OpenAICompatibleModel
from jobs.testing.models import ChatCompletionsAPI, MessagesAPI, nonsense, refused
from jobs.testing.slack import LocalSlack
from jobs.text import REDACTED
from jobs.types import ModelError
from tests.bot.conftest import SHOP
from tests.hostile.leaks import found
from tests.hostile.repeating import REPEATED, repeated, repeats

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub

KEY = "a-key-7Q2m-of-9Xw4-nobodys-b1Lk"
STATUSES = (400, 401, 402, 403, 404, 413, 422, 429, 500, 529)


def message(said: str) -> dict[str, Any]:
    """Return GitHub's error."""
    return {"message": "Validation Failed", "errors": [{"message": said}]}


def forbidden(said: str) -> dict[str, Any]:
    """Return an error of its GraphQL API."""
    return {"data": None, "errors": [{"type": "FORBIDDEN", "message": said}]}


def test_github_repeats_the_token_of_an_installation(services: Services, local: LocalGitHub) -> None:
    """In the list of what is wrong with a request."""
    _, values = repeats(local.faults, "POST", "/reactions$", 422, message)
    with pytest.raises(GitHubRefused, match=REPEATED) as error:
        services.github.repository(SHOP, local.installation_id).react(1, "eyes")
    assert REDACTED in str(error.value)
    assert found(f"{error.value} {error.value.reason}", {"token": values[-1]}) == []


def test_github_repeats_the_token_in_graphql(services: Services, local: LocalGitHub) -> None:
    """There an error comes with status 200."""
    _, values = repeats(local.faults, "POST", "/graphql$", 200, forbidden)
    with pytest.raises(GitHubRefused, match=REPEATED) as error:
        services.github.repository(SHOP, local.installation_id).review_threads(1)
    assert REDACTED in str(error.value)
    assert found(f"{error.value} {error.value.reason}", {"token": values[-1]}) == []


def test_github_repeats_the_apps_own_proof(services: Services, local: LocalGitHub) -> None:
    """What it is shown as the App is good for ten minutes."""
    _, values = repeats(local.faults, "GET", "^/app$", 422, message)
    with pytest.raises(GitHubRefused, match=REPEATED) as error:
        services.github.app()
    assert found(str(error.value), {"proof": values[-1]}) == []


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("server", [MessagesAPI, ChatCompletionsAPI])
def test_a_model_repeats_the_key(server: Any, status: int) -> None:
    """With each status, in its words and in the reason for which it is taken to be away."""
    words = told(server, refused(status, "some_error", repeated(f"Bearer {KEY}")))
    assert found(words, {"key": KEY}) == []
    assert REPEATED in words
    assert REDACTED in words


def test_a_model_repeats_the_key_in_nonsense() -> None:
    """As a body that is no reply."""
    assert found(told(ChatCompletionsAPI, nonsense(f"{{{repeated(KEY)}".encode())), {"key": KEY}) == []


def told(server: Any, line: Any) -> str:
    """Return what a model's error says, also where it is told to nobody but the log."""
    model_class = AnthropicModel if server is MessagesAPI else OpenAICompatibleModel
    with server(lambda _asked: line, api_key=KEY) as api:
        address = next(value for name, value in api.environment().items() if name.endswith("_URL"))
        model = model_class(api.models[0], api_key=KEY, base_url=address, retries=0)
        said = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
        with pytest.raises(ModelError) as error:
            model.query("You help.", said, [])
        model.close()
    return str(error.value)


def test_slack_repeats_the_bots_token(store: Store) -> None:
    """Its word for the reason is kept with the answer that could not be given."""
    with LocalSlack() as slack:
        _, values = repeats(slack.faults, "POST", "/chat.postMessage", 200, lambda said: {"ok": False, "error": said})
        with pytest.raises(Refused, match=REPEATED) as error:
            Calls(slack.bot_token, slack.api_url, store.audit).call("chat.postMessage", channel="C1", text="x")
    assert values == [slack.bot_token]
    assert REDACTED in error.value.code
    assert found(f"{error.value} {error.value.told()}", {"token": slack.bot_token}) == []
