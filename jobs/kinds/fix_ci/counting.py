"""What is remembered over tasks: how often something was run again or mended, and which failures come and go."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from jobs.kinds.fix_ci.deciding import MOST_MENDS, MOST_RERUNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.execute import Attempt

FLAKY = "flaky:{repository}:{signature}"
RERUN = "rerun:{repository}@{sha}:{number}"
MEND = "{sort}:{repository}|{scope}|{failures}:{number}"
PULL, BRANCH = "mend", "mend-branch"
"""A pull request ends some day, and its mends are counted as long as it is there; those of a branch are forgotten
after a week, since the same test may fail again for another reason."""

LEFT = "ci-left:{repository}@{sha}"
"""Under this key stands a commit of ours at which a mend was taken back or given up: people know that it is red."""


def leave_alone(attempt: Attempt, sha: str) -> None:
    """Keep that nothing begins by itself at a commit, however red it is."""
    key = LEFT.format(repository=attempt.task.repository.lower(), sha=sha)
    attempt.services.store.records.keep(key, attempt.task.id, time.time())


def remember_flaky(attempt: Attempt, signatures: Iterable[str]) -> None:
    """Keep that these failures come and go in this repository."""
    for signature in signatures:
        key = FLAKY.format(repository=attempt.task.repository.lower(), signature=signature)
        attempt.services.store.records.keep(key, attempt.task.id, time.time())


def known_flaky(attempt: Attempt, signatures: Iterable[str]) -> frozenset[str]:
    """Return which of these failures came and went in this repository before."""
    records, repository = attempt.services.store.records, attempt.task.repository.lower()
    keys = {one: FLAKY.format(repository=repository, signature=one) for one in signatures}
    return frozenset(one for one, key in keys.items() if records.value(key) is not None)


def reruns_of(attempt: Attempt, sha: str) -> int:
    """Return how often the failed jobs of a commit were run again for us."""
    records = attempt.services.store.records
    return sum(records.value(_rerun_key(attempt, sha, number)) is not None for number in range(1, MOST_RERUNS + 1))


def claim_rerun(attempt: Attempt, sha: str, why: str) -> int:
    """Take one of the commit's goes for this task and reason, and return its number; 0 where none is left."""
    return _claim(attempt, [_rerun_key(attempt, sha, number) for number in range(1, MOST_RERUNS + 1)], why)


def once(attempt: Attempt, key: str) -> bool:
    """Claim an effect that must happen once, under the task's fencing token."""
    store, task = attempt.services.store, attempt.task
    with store.write() as connection:
        store.tasks.hold(connection, task.id, task.attempt)
        return store.records.once(connection, key, time.time(), task.id)


def mends_of(attempt: Attempt, scope: str, signatures: Iterable[str], turn: str) -> int:
    """Return how often these failures of a branch were mended, less this task's own ``turn``."""
    values = [attempt.services.store.records.value(key) for key in _mend_keys(attempt, scope, signatures)]
    return sum(value is not None and value != _mine(attempt, turn) for value in values)


def claim_mend(attempt: Attempt, scope: str, signatures: Iterable[str], turn: str) -> bool:
    """Count one mend of these failures of a branch; False where there were enough."""
    return _claim(attempt, _mend_keys(attempt, scope, signatures), turn) > 0


def _claim(attempt: Attempt, keys: list[str], why: str) -> int:
    """Take the first free key, or find the one that was taken before; return its number, from 1."""
    store, task, mine = attempt.services.store, attempt.task, _mine(attempt, why)
    values = [store.records.value(key) for key in keys]
    if mine in values:
        return values.index(mine) + 1
    with store.write() as connection:
        store.tasks.hold(connection, task.id, task.attempt)
        for number, key in enumerate(keys, start=1):
            if store.records.once(connection, key, time.time(), mine):
                return number
    return 0


def _mine(attempt: Attempt, why: str) -> str:
    return f"{attempt.task.id}:{why}"


def _rerun_key(attempt: Attempt, sha: str, number: int) -> str:
    return RERUN.format(repository=attempt.task.repository.lower(), sha=sha, number=number)


def _mend_keys(attempt: Attempt, scope: str, signatures: Iterable[str]) -> list[str]:
    failures = hashlib.sha256("\n".join(sorted(signatures)).encode()).hexdigest()[:16]
    repository = attempt.task.repository.lower()
    sort = PULL if scope.startswith("#") else BRANCH
    return [
        MEND.format(sort=sort, repository=repository, scope=scope, failures=failures, number=number)
        for number in range(1, MOST_MENDS + 1)
    ]
