"""One task in the states that a terminal shows, as ``bot/shell/state.py`` gives them."""

from __future__ import annotations

from typing import Any

WORKING: dict[str, Any] = {
    "id": "7f3c9a",
    "repository": "octo/shop",
    "title": "Add a flag",
    "status": "in_progress",
    "conclusion": None,
    "approval": "",
    "question": "",
    "percent": 33,
    "plan": [
        {"text": "Read", "state": "done"},
        {"text": "Write", "state": "in_progress"},
        {"text": "Test", "state": "pending"},
    ],
    "dollars": 0.12,
    "limit_dollars": 5.0,
    "seconds": 65.0,
    "headline": "Working on it",
    "mark": "🛠️",
    "next": "",
    "doing": "coding",
    "summary": "",
    "pull_request": "",
    "page": "https://opus67.example.com/tasks/7f3c9a?key=0",
    "note": "",
    "ahead": 0,
    "draft_reason": "",
    "checks": [],
    "files": 0,
    "additions": 0,
    "deletions": 0,
}
QUEUED = {**WORKING, "status": "queued", "mark": "🕒", "headline": "Queued", "doing": "", "plan": [], "ahead": 2}
QUESTION = {**WORKING, "status": "waiting", "question": "A or B?", "headline": "Waiting for your answer", "mark": "❓"}
PLAN = {**QUESTION, "question": "1. Read\n2. Write", "approval": "asked"}
DONE = {
    **WORKING,
    "status": "completed",
    "conclusion": "success",
    "mark": "✅",
    "headline": "Done",
    "doing": "",
    "summary": "It greets.",
    "pull_request": "https://github.com/octo/shop/pull/3",
    "checks": [{"command": "make test", "exit_code": 0, "passed": 3, "failed": 0}],
    "files": 2,
    "additions": 10,
    "deletions": 2,
}
FAILED = {
    **DONE,
    "conclusion": "failure",
    "headline": "This did not work out",
    "next": "`/opus retry` starts again from the beginning.",
}
