"""The App's webhook: where it goes, what was delivered, and delivering it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github.errors import not_found
from jobs.testing.github.router import Call, Router, page_size, reply

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON
    from jobs.testing.github.webhooks import Attempt, Delivery, Webhooks
    from jobs.testing.loopback import Answer


def routes(webhooks: Webhooks) -> Router:
    """Return the routes over one sender of webhooks."""
    router = Router()

    @router.route("GET", "/app/hook/config", app=True)
    def get_config(call: Call) -> Answer:
        return reply(_config(call))

    @router.route("PATCH", "/app/hook/config", app=True)
    def set_config(call: Call) -> Answer:
        call.caller.webhook_url = call.given("url", call.caller.webhook_url)
        call.caller.webhook_secret = call.given("secret", call.caller.webhook_secret)
        return reply(_config(call))

    @router.route("GET", "/app/hook/deliveries", app=True)
    def list_deliveries(call: Call) -> Answer:
        attempts = webhooks.attempts(call.caller)
        size = page_size(call)
        cursor = call.request.query.get("cursor", "")
        if call.request.query.get("status") in {"success", "failure"}:
            wanted = call.request.query["status"] == "success"
            attempts = [pair for pair in attempts if (200 <= pair[1].status_code < 400) == wanted]
        if cursor:
            attempts = [pair for pair in attempts if pair[1].id < int(cursor.removeprefix("v1_"))]
        shown, more = attempts[:size], len(attempts) > size
        headers = {}
        if more:
            target = f"{call.world.url}/app/hook/deliveries?per_page={size}&cursor=v1_{shown[-1][1].id}"
            headers["Link"] = f'<{target}>; rel="next"'
        return reply([_item(*pair) for pair in shown], headers=headers)

    @router.route("GET", "/app/hook/deliveries/{delivery_id}", app=True)
    def get_delivery(call: Call) -> Answer:
        delivery, attempt = _named(call, webhooks)
        return reply(
            _item(delivery, attempt)
            | {
                "url": call.caller.webhook_url,
                "request": {"headers": delivery.headers, "payload": delivery.payload},
                "response": {"headers": attempt.headers, "payload": attempt.answer},
            }
        )

    @router.route("POST", "/app/hook/deliveries/{delivery_id}/attempts", app=True)
    def redeliver(call: Call) -> Answer:
        delivery, _ = _named(call, webhooks)
        webhooks.send_again(delivery)
        return reply({}, 202)

    return router


def _config(call: Call) -> JSON:
    secret = {"secret": "********"} if call.caller.webhook_secret else {}
    return {"url": call.caller.webhook_url, "content_type": "json", "insecure_ssl": "0", **secret}


def _named(call: Call, webhooks: Webhooks) -> tuple[Delivery, Attempt]:
    wanted = call.number("delivery_id")
    for delivery, attempt in webhooks.attempts(call.caller):
        if attempt.id == wanted:
            return delivery, attempt
    raise not_found()


def _item(delivery: Delivery, attempt: Attempt) -> JSON:
    return {
        "id": attempt.id,
        "guid": delivery.guid,
        "delivered_at": attempt.delivered_at,
        "redelivery": attempt.redelivery,
        "duration": attempt.duration,
        "status": attempt.status,
        "status_code": attempt.status_code,
        "event": delivery.event,
        "action": delivery.action or None,
        "installation_id": delivery.installation_id,
        "repository_id": delivery.repository_id,
        "throttled_at": None,
    }
