"""The local GitHub sends webhooks as GitHub does: signed, once, and again when asked."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from tests.testing import conformity
from tests.testing.conftest import SHOP

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.webhooks import Delivery
    from tests.testing.conftest import Client, Receiver


def sent(github: LocalGitHub, event: str, action: str) -> Delivery:
    """Wait until an event was tried to be delivered, and return it."""

    def found() -> Delivery | None:
        return next(
            (one for one in github.deliveries if (one.event, one.action) == (event, action) and one.attempts), None
        )

    delivery = github.wait_for(found, what=f"{event}.{action}")
    assert delivery is not None
    return delivery


def test_a_label_is_told_with_a_signature(github: LocalGitHub, receiver: Receiver) -> None:
    """The body is signed with the App's secret and says who, what, where and for which installation."""
    github.create_issue(SHOP, "It breaks", "Badly", by="ann")
    github.label_issue(SHOP, 1, "assign-to-opus", by="bob")
    delivery = sent(github, "issues", "labeled")
    request = next(one for one in receiver.got if one.headers["x-github-delivery"] == delivery.guid)
    signature = hmac.new(github.webhook_secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={signature}"
    assert request.headers["x-github-event"] == "issues"
    payload = json.loads(request.body)
    assert payload["action"] == "labeled"
    assert payload["label"]["name"] == "assign-to-opus"
    assert payload["sender"]["login"] == "bob"
    assert payload["repository"]["full_name"] == SHOP
    assert payload["installation"]["id"] == github.installation_id
    assert delivery.status_code == 202


def test_what_fails_is_not_retried_but_redelivered_when_asked(
    github: LocalGitHub, app: Client, receiver: Receiver
) -> None:
    """A failed delivery is listed, and delivered again under the same GUID, with the same body."""
    receiver.status = 503
    github.create_issue(SHOP, "It breaks", by="ann")
    delivery = sent(github, "issues", "opened")
    listed = app.ask("GET", "/app/hook/deliveries?status=failure").json()
    failed = next(one for one in listed if one["guid"] == delivery.guid)
    assert (failed["status_code"], failed["redelivery"]) == (503, False)
    receiver.status = 202
    assert app.ask("POST", f"/app/hook/deliveries/{failed['id']}/attempts").status == 202
    github.wait_for(lambda: len(delivery.attempts) == 2)
    bodies = [one.body for one in receiver.got if one.headers["x-github-delivery"] == delivery.guid]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    again = app.ask("GET", f"/app/hook/deliveries/{delivery.attempts[1].id}").json()
    assert again["redelivery"] is True
    assert again["request"]["payload"]["issue"]["title"] == "It breaks"
    conformity.check_exchanges(github)


def test_a_receiver_that_is_away_is_a_failed_delivery(github: LocalGitHub, app: Client, tmp_path: Path) -> None:
    """Nobody listens: the attempt is recorded with 502, and the list goes on by cursor."""
    github.webhook_url = "http://127.0.0.1:9/webhooks/github"
    for number in range(3):
        github.create_issue(SHOP, f"Issue {number}", by="ann")
    github.wait_for(lambda: len([one for one in github.deliveries if one.status_code == 502]) == 3)
    first = app.ask("GET", "/app/hook/deliveries?per_page=2")
    assert len(first.json()) == 2
    following = first.headers["Link"].partition(">")[0].removeprefix(f"<{github.url}")
    assert app.ask("GET", following).json()[0]["id"] < first.json()[1]["id"]


def test_the_app_hears_only_what_it_subscribed_to(github: LocalGitHub) -> None:
    """Events that the App does not want, and those of other repositories, are not sent."""
    github.app.events = ("issue_comment",)
    github.create_repository("eve/private", {"a": "1"}, installed=False)
    github.create_issue("eve/private", "Secret", by="eve")
    github.comment("eve/private", 1, "Hidden", by="eve")
    github.create_issue(SHOP, "It breaks", by="ann")
    github.comment(SHOP, 1, "Please", by="ann")
    sent(github, "issue_comment", "created")
    heard = [
        (one.event, one.payload["repository"]["full_name"]) for one in github.deliveries if one.event[:5] == "issue"
    ]
    assert heard == [("issue_comment", SHOP)]


def test_a_button_tells_its_identifier(github: LocalGitHub, client: Client) -> None:
    """Clicking a check run's button sends requested_action with the identifier."""
    actions = [{"label": "Cancel", "description": "Stop", "identifier": "cancel"}]
    body = {"name": "Opus 67", "head_sha": github.branches(SHOP)["main"], "actions": actions, "external_id": "t1"}
    run = client.ask("POST", f"/repos/{SHOP}/check-runs", body).json()["id"]
    github.click_check_action(run, "cancel", by="ann")
    payload = sent(github, "check_run", "requested_action").payload
    assert payload["requested_action"] == {"identifier": "cancel"}
    assert payload["check_run"]["external_id"] == "t1"


def test_no_webhook_url_means_no_deliveries(github: LocalGitHub) -> None:
    """An App without a webhook hears nothing."""
    github.webhook_url = ""
    before = len(github.deliveries)
    github.create_issue(SHOP, "It breaks", by="ann")
    assert len(github.deliveries) == before
