"""The rules of the house that a linter does not know, held over the source."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import PRODUCT, ROOT, Source, forget_trees, product, python_files, suite

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LONGEST_README = 30

MAY_START_PROCESSES = {
    "bot/up/": "the supervisor starts the processes",
    "bot/demo": "the demo starts the real processes",
    "bot/receiving/serve.py": "the web processes, from one parent",
    "jobs/workspace/": "the only git on the host",
    "jobs/sandbox/": "bubblewrap, and what runs inside",
    "jobs/testing/": "git http-backend behind the local GitHub",
}
READS_ENVIRONMENT = ("config/settings.py:", "jobs/sandbox/inside/", "jobs/sandbox/runner.py:")
MAY_USE_RQ = {"jobs/queue.py", "jobs/worker.py", "jobs/clock.py"}
EDGES = {
    "bot/inbox.py": "a delivery: the error is logged, the delivery tried again",
    "bot/receiving/front.py": "a webhook: never a 5xx for anything a stranger can send",
    "jobs/pool.py": "the worker's process: logged, another one is started",
    "jobs/execute.py": "the worker's task: logged with a number, the task fails in words",
    "jobs/agent/loop.py": "a tool call: logged, the model is told and goes on",
    "bot/telling.py": "a chat's message: logged and tried again, the others are told",
    "jobs/notify.py": "a notification: logged, the work goes on",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


@pytest.fixture(scope="module", autouse=True)
def trees() -> Iterator[None]:
    """Keep the trees of all files while these tests need them: making them is most of their time."""
    yield
    forget_trees()


def test_the_environment_is_read_in_one_place() -> None:
    """Only config/settings.py reads the environment; what runs inside a sandbox has one of its own."""
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
        if ast.unparse(node.value) == "os"
    ]
    assert [place for place in wrong if not place.startswith(READS_ENVIRONMENT)] == []


def test_processes_are_started_in_few_places() -> None:
    """Only the supervisor, the workspace, the sandbox and the stand-ins start programs."""
    wrong = [
        f"{source.name}:{line} imports {module}"
        for source in product()
        for module, line in source.imports()
        if module in {"subprocess", "pty", "multiprocessing"} and not source.name.startswith(tuple(MAY_START_PROCESSES))
    ]
    wrong += [
        f"{source.name}:{node.lineno} calls os.{node.attr}"
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and re.fullmatch(r"system|popen|(spawn|exec|posix_spawn)[lvpe]*", node.attr)
        if ast.unparse(node.value) == "os" and not source.name.startswith("jobs/sandbox/")
    ]
    assert wrong == []


def test_rq_is_a_wake_up_only() -> None:
    """Only the queue, the worker and the clock know RQ."""
    assert _importers("rq") <= MAY_USE_RQ


@pytest.mark.parametrize("module", ["sqlalchemy", "alembic", "sqlite3", "psycopg"])
def test_sql_lives_in_the_store(module: str) -> None:
    """Only jobs/store speaks SQL; others may name its types."""
    assert [name for name in _importers(module) if not name.startswith("jobs/store/")] == []


def test_an_installation_is_opened_with_its_key() -> None:
    """Whoever opens the database of the settings does it by ``Store.of``, so that the audit is written with its key."""
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in product()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Store"
    ]
    assert wrong == []


def test_broad_handlers_stand_at_the_edges_only() -> None:
    """``except Exception`` is written at the named edges, with a comment, and nowhere else."""
    wrong = []
    for source in product():
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = {"BaseException"} if node.type is None else set(re.findall(r"\w+", ast.unparse(node.type)))
            if not caught & {"Exception", "BaseException"}:
                continue
            if ast.unparse(node.body[-1]) == "raise":
                continue  # It cleans up and hands the error on.
            comment = "#" in source.lines[node.lineno - 1] or source.lines[node.lineno].lstrip().startswith("#")
            if source.name not in EDGES or "BaseException" in caught or not comment:
                wrong.append(f"{source.name}:{node.lineno}")
    assert wrong == []


def test_files_are_short() -> None:
    """No module is longer than can be read at once."""
    long = {source.name: len(source.lines) for source in product() if len(source.lines) > LONGEST_FILE}
    assert long == {}


def test_functions_are_short() -> None:
    """No function is longer than a screen."""
    long = {
        f"{source.name}:{function.name}": length
        for source in (*product(), *python_files("bench"))
        for function in source.functions()
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
        and "/migrations/versions/" not in source.name  # a migration is a list of tables
    }
    assert long == {}


def test_every_module_says_its_reason() -> None:
    """Every module that is not empty begins with a docstring."""
    silent = [
        source.name
        for source in (*product(), *suite(), *python_files("bench"))
        if source.text.strip() and not ast.get_docstring(source.tree) and "/migrations/versions/" not in source.name
    ]
    assert silent == []


def test_names_say_something() -> None:
    """No module is called utils, helpers, common, misc or manager."""
    vague = [source.name for source in (*product(), *suite()) if set(Path(source.name).with_suffix("").parts) & VAGUE]
    assert vague == []


def test_nothing_is_left_for_later() -> None:
    """There are no notes about missing work and no functions that are not written."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    places = [
        f"{source.name}:{number}"
        for source in product()
        for number, line in enumerate(source.lines, 1)
        if marks.search(line)
    ]
    assert places == []


def test_folders_of_a_kind_say_what_lives_there() -> None:
    """A folder with three modules or more has a README, and no README is long."""
    folders = {Path(source.name).parent for source in product()}
    silent = [
        folder.as_posix()
        for folder in folders
        if len(list((ROOT / folder).glob("[a-z]*.py"))) >= 3
        and len(folder.parts) > 1
        and folder.name != "versions"
        and not (ROOT / folder / "README.md").exists()
    ]
    assert sorted(silent) == []
    long = [
        readme.relative_to(ROOT).as_posix()
        for top in (*PRODUCT, "tests", "bench", "deploy")
        for readme in (ROOT / top).rglob("README.md")
        if "sample" not in readme.parts and len(readme.read_text(encoding="utf-8").splitlines()) > LONGEST_README
    ]
    assert long == []


def test_every_trigger_exports_its_router() -> None:
    """Each module in bot/triggers that decides about events has a ``router``."""
    for source in python_files("bot/triggers"):
        names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
        if not source.name.endswith(("__init__.py", "router.py")):
            assert "router" in names, source.name


def test_tests_say_what_they_show() -> None:
    """Every test has a docstring."""
    silent = [
        f"{source.name}:{function.name}"
        for source in suite()
        for function in source.functions()
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_tests_replace_nothing_of_ours() -> None:
    """No test uses a mock library or puts something else in the place of our code."""
    wrong = [f"{source.name}:{line}" for source in suite() for module, line in source.imports() if "mock" in module]
    wrong += [f"{place} monkeypatch.setattr" for place in _calls("monkeypatch", {"setattr", "setitem", "delattr"})]
    assert wrong == []


def test_tests_wait_for_conditions() -> None:
    """No test sleeps; waiting is for a condition, with a deadline (tests/waiting.py)."""
    assert [place for place in _calls("time", {"sleep"}) if not place.startswith("tests/waiting.py:")] == []


def test_import_contracts_hold() -> None:
    """Imports go one way, and siblings inside jobs do not know each other."""
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_scripts_are_sound() -> None:
    """The shell scripts are clean under shellcheck, where it is there."""
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("needs shellcheck")
    scripts = ["deploy/venv", "deploy/prepare", "deploy/sandbox", "deploy/packages.sh", ".ci/run"]
    scripts += [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").glob("*.sh")]
    result = subprocess.run([program, "-x", *scripts], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def _importers(package: str) -> set[str]:
    return {
        source.name
        for source in product()
        for module, _ in source.imports()
        if module == package or module.startswith(f"{package}.")
    }


def _calls(owner: str, names: set[str]) -> list[str]:
    def calls_in(source: Source) -> list[str]:
        return [
            f"{source.name}:{node.lineno}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
            if ast.unparse(node.func.value) == owner
        ]

    return [place for source in suite() for place in calls_in(source)]
