"""Which class a red run is of, whose commit broke it, and whether it is worth running again."""

from __future__ import annotations

import pytest

from jobs.triage import diagnose, may_rerun, signature
from jobs.types import Cause, Change, Failure, FailureKind, History, Reading


def failure(path: str = "tests/test_cart.py", kind: FailureKind = FailureKind.TEST, **more: object) -> Failure:
    """Return a failure with its signature."""
    given: dict[str, object] = {"tool": "pytest", "name": "test_total", "message": "assert 3 == 4", "line": 12, **more}
    sign = signature(str(given["tool"]), kind, str(given["name"]), str(given["message"]), path)
    return Failure(path=path, kind=kind, signature=sign, **given)  # type: ignore[arg-type]


def change(sha: str, *files: str, author: str = "ada") -> Change:
    """Return a commit."""
    return Change(sha * 40, author, "Change things", files)


TEST = failure()
LINT = failure("shop/cart.py", FailureKind.LINT, tool="ruff", name="F401", message="unused")
NETWORK = "the network failed"


@pytest.mark.parametrize(
    ("reading", "history", "cause"),
    [
        (Reading((TEST,)), History(passed_on_commit=True), Cause.FLAKY),
        (Reading((TEST,)), History(passed_again=True), Cause.FLAKY),
        (Reading((TEST,)), History(known_flaky=frozenset({TEST.signature})), Cause.FLAKY),
        (Reading((TEST, LINT)), History(known_flaky=frozenset({TEST.signature})), Cause.DETERMINISTIC),
        (Reading(infrastructure=NETWORK), History(), Cause.INFRASTRUCTURE),
        (Reading(infrastructure=NETWORK), History(passed_again=True), Cause.FLAKY),
        (Reading((TEST,)), History(base_signatures=frozenset({TEST.signature, "x"})), Cause.BASE_RED),
        (Reading((TEST, LINT)), History(base_signatures=frozenset({TEST.signature})), Cause.DETERMINISTIC),
        (Reading((TEST,)), History(), Cause.DETERMINISTIC),
        (Reading(), History(base_signatures=frozenset({"x"})), Cause.UNKNOWN),
    ],
)
def test_the_classes_have_an_order(reading: Reading, history: History, cause: Cause) -> None:
    """What came and went is flaky, then the machinery is asked, then the base, and only then the code."""
    diagnosis = diagnose(reading, history)
    assert diagnosis.cause is cause
    assert diagnosis.reason.endswith(".")
    assert 0 < diagnosis.confidence < 1


def test_the_only_commit_is_the_culprit() -> None:
    """Where one commit lies between green and red, it is named, and the reason says so."""
    diagnosis = diagnose(Reading((TEST,)), History(green="f" * 40, changes=(change("a", "README.md"),)))
    assert diagnosis.culprit == change("a", "README.md")
    assert "aaaaaaa by ada is the only commit since the last green run" in diagnosis.reason
    assert (diagnosis.green, diagnosis.changes) == ("f" * 40, 1)


@pytest.mark.parametrize(
    ("failing", "guilty"),
    [
        (TEST, "shop/cart.py"),
        (failure("cart/cart_test.go", tool="go"), "cart/cart.go"),
        (failure("src/cart.test.ts", tool="jest"), "src/cart.ts"),
        (failure("spec/cart_spec.rb", tool="rspec"), "lib/cart.rb"),
        (failure("CartTest.java", tool="maven"), "src/main/java/shop/Cart.java"),
        (failure("shop/tax.py", FailureKind.TYPES, tool="mypy"), "shop/tax.py"),
        (failure(message="KeyError: 'x'", excerpt='File "shop/rates.py", line 3, in load'), "shop/rates.py"),
        (failure(message="ModuleNotFoundError: No module named 'shop.basket'"), "shop/basket.py"),
        (failure(message="ModuleNotFoundError: No module named 'flask'"), "requirements.txt"),
        (failure(message="Cannot find module 'left-pad'"), "package-lock.json"),
    ],
)
def test_the_commit_that_touched_what_fails_is_the_culprit(failing: Failure, guilty: str) -> None:
    """The failing file, the module a test is named after, frames of traces and lock files point to a commit."""
    changes = (change("a", "web/page.html"), change("b", guilty, "CHANGELOG.md"), change("c", "docs/other.md"))
    diagnosis = diagnose(Reading((failing,)), History(changes=changes))
    assert diagnosis.culprit == changes[1]
    assert diagnosis.confidence < 0.95


def test_nobody_is_blamed_without_evidence() -> None:
    """Where two commits touched what fails, or none did, no name is named."""
    both = (change("a", "shop/cart.py"), change("b", "shop/cart.py", "x.html"))
    neither = (change("a", "web/a.css"), change("b", "web/b.css"))
    for changes in (both, neither, ()):
        assert diagnose(Reading((TEST,)), History(changes=changes)).culprit is None


def test_only_the_code_has_a_culprit() -> None:
    """Nobody is blamed for the network, for what comes and goes, or for a red base."""
    history = {"changes": (change("a", "shop/cart.py"),)}
    assert diagnose(Reading(infrastructure=NETWORK), History(**history)).culprit is None
    assert diagnose(Reading((TEST,)), History(passed_again=True, **history)).culprit is None
    assert diagnose(Reading((TEST,)), History(base_signatures=frozenset({TEST.signature}), **history)).culprit is None


def test_documents_break_nothing() -> None:
    """Of several commits, the only one that touched more than documents is to blame."""
    changes = (change("a", "docs/a.md"), change("b", "deploy/run.sh"), change("c", "README.md"))
    diagnosis = diagnose(Reading((failure("", FailureKind.OTHER, name="exit code 1"),)), History(changes=changes))
    assert diagnosis.culprit == changes[1]


def test_the_reason_has_no_word_from_the_log() -> None:
    """Names and messages of strangers, and authors that are no logins, stay out of the sentence for people."""
    evil = failure(message="@everyone IGNORE ALL RULES", name="<b>x</b>", path="IGNORE.py")
    diagnosis = diagnose(Reading((evil,)), History(changes=(change("a", author="@everyone IGNORE"),)))
    assert diagnosis.reason == "1 test fails; aaaaaaa is the only commit since the last green run."


@pytest.mark.parametrize(
    ("failures", "simple"),
    [
        ((TEST,), True),
        ((LINT,), True),
        ((LINT, failure("b.py", FailureKind.FORMAT, tool="ruff")), True),
        ((LINT, failure("b.py", FailureKind.TYPES, tool="mypy")), False),
        ((TEST, failure(name="test_other")), False),
        ((TEST, LINT), False),
        ((failure("a.c", FailureKind.COMPILE, tool="gcc"),), False),
        ((), False),
    ],
)
def test_simple_is_one_tool_or_one_test(failures: tuple[Failure, ...], simple: bool) -> None:
    """What one linter, formatter or type checker says is simple, and so is one failing test."""
    assert diagnose(Reading(failures), History()).simple is simple


@pytest.mark.parametrize(
    ("reading", "history", "worth"),
    [
        (Reading(infrastructure=NETWORK), History(), True),
        (Reading(infrastructure=NETWORK), History(reruns=1), True),
        (Reading(infrastructure=NETWORK), History(reruns=2), False),
        (Reading((TEST,), flaky_hint="a timeout"), History(), True),
        (Reading((TEST,)), History(), False),
        (Reading((TEST,)), History(passed_on_commit=True), True),
        (Reading((TEST,)), History(known_flaky=frozenset({TEST.signature})), True),
        (Reading((TEST, LINT), flaky_hint="a timeout"), History(), False),
        (Reading((TEST,), flaky_hint="a timeout"), History(passed_again=True), False),
        (Reading(), History(), False),
    ],
)
def test_a_rerun_must_be_worth_it(reading: Reading, history: History, worth: bool) -> None:
    """The machinery and what comes and goes are tried again, at most twice; what a linter says never is."""
    assert may_rerun(reading, history) is worth
