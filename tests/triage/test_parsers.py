"""Outputs of tools that the corpus lacks: each gives the failures that it tells of, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from jobs.triage import read_log
from tests.triage.conftest import step

if TYPE_CHECKING:
    from collections.abc import Callable


class Told(NamedTuple):
    """A command, what it printed, and the failures in it as tool, kind, name, path and line."""

    command: str
    output: str
    failures: list[tuple[str, str, str, str, int]]


OUTPUTS = {
    "pytest, native traces": Told(
        "pytest --tb=native",
        """=================================== FAILURES ===================================
__________________________________ test_total __________________________________
Traceback (most recent call last):
  File "/home/runner/work/shop/shop/tests/test_cart.py", line 12, in test_total
    assert total() == 4
AssertionError: assert 3 == 4
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_total - AssertionError: assert 3 == 4
============================== 1 failed in 0.02s ===============================""",
        [("pytest", "test", "tests/test_cart.py::test_total", "tests/test_cart.py", 12)],
    ),
    "pytest, killed before its summary": Told(
        "pytest -v",
        """============================= test session starts ==============================
tests/test_cart.py::test_fine PASSED                                     [ 33%]
tests/test_cart.py::test_total[a b] FAILED                               [ 66%]""",
        [("pytest", "test", "tests/test_cart.py::test_total[a b]", "tests/test_cart.py", 0)],
    ),
    "pytest, same names in two files": Told(
        "pytest",
        """=================================== FAILURES ===================================
__________________________________ test_total __________________________________
E   assert 1 == 2

tests/test_a.py:3: AssertionError
__________________________________ test_total __________________________________
E   assert 3 == 4

tests/test_b.py:7: AssertionError
=========================== short test summary info ============================
FAILED tests/test_a.py::test_total - assert 1 == 2
FAILED tests/test_b.py::test_total - assert 3 == 4
============================== 2 failed in 0.02s ===============================""",
        [
            ("pytest", "test", "tests/test_a.py::test_total", "tests/test_a.py", 3),
            ("pytest", "test", "tests/test_b.py::test_total", "tests/test_b.py", 7),
        ],
    ),
    "unittest, set-up of a class": Told(
        "python -m unittest",
        """======================================================================
ERROR: setUpClass (tests.test_cart.CartTest)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/home/runner/work/shop/shop/tests/test_cart.py", line 8, in setUpClass
    cls.shop = open_shop()
  File "/home/runner/work/shop/shop/shop/__init__.py", line 3, in open_shop
    raise ValueError("closed")
ValueError: closed

----------------------------------------------------------------------
Ran 0 tests in 0.001s

FAILED (errors=1)""",
        [("unittest", "test", "tests.test_cart.CartTest.setUpClass", "shop/__init__.py", 3)],
    ),
    "node, spec": Told(
        "node --test",
        """\u25b6 Cart
  \u2716 counts (1.2ms)
\u2139 fail 1

\u2716 failing tests:

test at test/cart.test.js:7:3
\u2716 counts (1.2ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

  4 !== 8

      at TestContext.<anonymous> (file:///home/runner/work/shop/shop/test/cart.test.js:10:12)
      at Test.runInAsyncScope (node:async_hooks:206:9)""",
        [("node", "test", "counts", "test/cart.test.js", 10)],
    ),
    "gotestsum": Told(
        "gotestsum",
        """\u2716  cart (3ms)

=== Failed
=== FAIL: cart TestTotal (0.00s)
    cart_test.go:12: got 3, want 4

DONE 3 tests, 1 failure in 0.100s""",
        [("go", "test", "TestTotal", "cart/cart_test.go", 12)],
    ),
    "testify": Told(
        "go test ./...",
        """--- FAIL: TestTotal (0.00s)
    cart_test.go:12:
        \tError Trace:\t/home/runner/work/shop/shop/cart/cart_test.go:12
        \tError:      \tNot equal:
        \t            \texpected: 4
        \tTest:       \tTestTotal
FAIL
FAIL\tgithub.com/acme/shop/cart\t0.003s""",
        [("go", "test", "TestTotal", "cart/cart_test.go", 12)],
    ),
    "golangci-lint": Told(
        "golangci-lint run",
        """cart/cart.go:12:9: Error return value of `f.Close` is not checked (errcheck)
\tf.Close()\n\t       ^""",
        [("golangci-lint", "lint", "errcheck", "cart/cart.go", 12)],
    ),
    "rustc denies": Told(
        "cargo build",
        """error: unused variable: `x`
 --> src/lib.rs:3:9
  |
  = note: `-D unused-variables` implied by `-D warnings`

error: could not compile `shop` (lib) due to 1 previous error""",
        [("cargo", "lint", "unused_variables", "src/lib.rs", 3)],
    ),
    "pylint": Told(
        "pylint shop",
        """************* Module shop.cart
shop/cart.py:1:0: C0114: Missing module docstring (missing-module-docstring)

------------------------------------------------------------------
Your code has been rated at 8.00/10""",
        [("pylint", "lint", "missing-module-docstring", "shop/cart.py", 1)],
    ),
    "ty": Told(
        "ty check",
        """error[invalid-assignment]: Object of type `str` is not assignable to `int`
 --> shop/cart.py:3:10
  |
Found 1 diagnostic""",
        [("ty", "types", "invalid-assignment", "shop/cart.py", 3)],
    ),
    "isort": Told(
        "isort --check .",
        "ERROR: /home/runner/work/shop/shop/shop/cart.py Imports are incorrectly sorted and/or formatted.",
        [("isort", "format", "isort", "shop/cart.py", 0)],
    ),
    "shellcheck": Told(
        "shellcheck deploy.sh",
        """
In deploy.sh line 3:
rm -rf $DIR
       ^--^ SC2086 (info): Double quote to prevent globbing and word splitting.

For more information:""",
        [("shellcheck", "lint", "SC2086", "deploy.sh", 3)],
    ),
    "rubocop": Told(
        "rubocop",
        'lib/cart.rb:12:5: C: [Correctable] Style/StringLiterals: Prefer single-quoted strings.\n    "a"',
        [("rubocop", "lint", "Style/StringLiterals", "lib/cart.rb", 12)],
    ),
    "yamllint": Told(
        "yamllint .",
        "./ci.yml\n  3:1       warning  missing document start  (document-start)\n  4:5       error    wrong indentation  (indentation)\n",
        [("yamllint", "lint", "indentation", "ci.yml", 4)],
    ),
    "stylelint": Told(
        "npx stylelint src",
        'src/a.css\n  2:9  \u2716  Unexpected unknown unit "pxx"  unit-no-unknown\n\n\u2716 1 problem (1 error, 0 warnings)',
        [("stylelint", "lint", "unit-no-unknown", "src/a.css", 2)],
    ),
    "markdownlint": Told(
        "markdownlint .",
        "README.md:12:81 MD013/line-length Line length [Expected: 80; Actual: 99]",
        [("markdownlint", "lint", "MD013", "README.md", 12)],
    ),
    "actionlint": Told(
        "actionlint",
        '.github/workflows/ci.yml:9:14: property "refs" is not defined [expression]\n  |',
        [("actionlint", "lint", "expression", ".github/workflows/ci.yml", 9)],
    ),
    "dotnet build": Told(
        "dotnet build",
        "/home/runner/work/shop/shop/Cart.cs(12,5): error CS0103: The name 'x' does not exist [/home/runner/work/shop/shop/Shop.csproj]\n"
        "/home/runner/work/shop/shop/Cart.cs(12,5): error CS0103: The name 'x' does not exist [/home/runner/work/shop/shop/Shop.csproj]",
        [("dotnet", "compile", "CS0103", "Cart.cs", 12)],
    ),
    "kotlin": Told(
        "./gradlew build",
        "e: file:///home/runner/work/shop/shop/src/Cart.kt:12:5 Unresolved reference: x\n\n> Task :compileKotlin FAILED",
        [("kotlinc", "compile", "error", "src/Cart.kt", 12)],
    ),
    "maven's compiler": Told(
        "mvn -B verify",
        "[ERROR] COMPILATION ERROR : \n[ERROR] /home/runner/work/shop/shop/src/Cart.java:[12,5] cannot find symbol",
        [("javac", "compile", "error", "src/Cart.java", 12)],
    ),
    "cmake": Told(
        "cmake -B build",
        "CMake Error at CMakeLists.txt:12 (find_package):\n  Could not find Boost\n",
        [("cmake", "compile", "find_package", "CMakeLists.txt", 12)],
    ),
    "googletest": Told(
        "./build/tests",
        """[ RUN      ] Cart.Totals
tests/cart_test.cc:12: Failure
Expected equality of these values:
  total()
    Which is: 3
[  FAILED  ] Cart.Totals (0 ms)
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Cart.Totals""",
        [("googletest", "test", "Cart.Totals", "tests/cart_test.cc", 12)],
    ),
    "ctest": Told(
        "ctest",
        "The following tests FAILED:\n\t  2 - cart (Failed)\nErrors while running CTest",
        [("ctest", "test", "cart", "", 0)],
    ),
    "minitest": Told(
        "rake test",
        """# Running:
F

Failure:
CartTest#test_total [test/cart_test.rb:12]:
Expected: 4
  Actual: 3

1 runs, 1 assertions, 1 failures, 0 errors, 0 skips""",
        [("minitest", "test", "CartTest#test_total", "test/cart_test.rb", 12)],
    ),
    "bats": Told(
        "bats test",
        """1..2
ok 1 starts
not ok 2 counts
# (in test file test/cart.bats, line 7)
#   `[ "$total" -eq 4 ]' failed""",
        [("tap", "test", "counts", "test/cart.bats", 7)],
    ),
    "a workflow command": Told(
        "./check",
        "::error file=docs/a.md,line=3,title=Links::The link is dead",
        [("Links", "other", "Links", "docs/a.md", 3)],
    ),
    "Ruby": Told(
        "bundle exec rake",
        "lib/cart.rb:12:in `total': undefined method `x' for nil (NoMethodError)\n\tfrom Rakefile:3:in `block'",
        [("ruby", "other", "NoMethodError", "lib/cart.rb", 12)],
    ),
    "C#": Told(
        "dotnet run",
        """Unhandled exception. System.InvalidOperationException: no price
   at Shop.Cart.Total() in /home/runner/work/shop/shop/Cart.cs:line 12
   at Program.Main()""",
        [("dotnet", "other", "InvalidOperationException", "Cart.cs", 12)],
    ),
    "words of an error only": Told(
        "./deploy --check",
        "reading the plan\nerror: the plan has no owner\nsee --help",
        [("deploy", "other", "exit code 1", "", 0)],
    ),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_failures_are_found(name: str, job: Callable[..., bytes]) -> None:
    """Tool, kind, name and place of each failure are read, and nothing is read twice."""
    told = OUTPUTS[name]
    reading = read_log([job(step(told.command, told.output, 1))])
    found = [(one.tool, str(one.kind), one.name, one.path, one.line) for one in reading.failures]
    assert found == told.failures
    assert all(one.message for one in reading.failures) or "killed" in name
    assert reading.infrastructure == ""


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_step_that_passed_has_no_failures(name: str, job: Callable[..., bytes]) -> None:
    """The same words in a step that ended well are nobody's failure."""
    reading = read_log([job(step(OUTPUTS[name].command, OUTPUTS[name].output))])
    assert (reading.failures, reading.infrastructure) == ((), "")
