"""The tools, called as the loop calls them, in a real sandbox."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.agent.context import cut, readable
from jobs.agent.editor import ToolProblem
from jobs.agent.schema import InputProblem, read_input
from jobs.agent.tools import Purpose, ToolContext, toolbox

if TYPE_CHECKING:
    from jobs.types import Sandbox

EDIT = "str_replace_based_edit_tool"


def use(sandbox: Sandbox, name: str, **given_input: Any) -> str:
    """Call a tool with an input as a model gives it."""
    tool = toolbox()[name]
    return tool.run(ToolContext(sandbox, lambda: 100.0), **read_input(tool.schema, given_input))


def test_schemas_say_all_that_a_model_must_know() -> None:
    """Every tool and every parameter is described, and required are those without a default."""
    assert list(toolbox()) == ["bash", EDIT, "update_plan", "ask_human", "finish"]
    assert list(toolbox(Purpose.PLAN)) == ["bash", "view", "ask_human", "finish"]
    assert list(toolbox(Purpose.ASK)) == ["bash", "view", "finish"]
    for name, tool in [item for purpose in Purpose for item in toolbox(purpose).items()]:
        assert tool.schema.name == name
        assert len(tool.schema.description) > 50
        assert all(part.get("description") for part in tool.schema.input_schema["properties"].values())
    assert toolbox()[EDIT].schema.input_schema["required"] == ["command", "path"]
    assert toolbox()["update_plan"].schema.input_schema["properties"]["items"]["items"]["required"] == ["state", "text"]


@pytest.mark.parametrize(
    ("name", "given_input", "words"),
    [
        ("bash", {}, "`command` is missing"),
        ("bash", {"command": 5}, "`command` must be a string"),
        ("bash", {"command": "ls", "timeout": "soon"}, "`timeout` must be a number"),
        ("bash", {"command": "ls", "timeout": 1.5}, "`timeout` must be a whole number"),
        ("bash", {"command": "ls", "timeout": float("inf")}, "`timeout` must be"),
        ("bash", {"command": "ls", "shell": "zsh"}, "`shell` is not known"),
        ("bash", "ls", "must be an object"),
        (EDIT, {"command": "delete", "path": "a"}, "`command` must be one of view, create"),
        (EDIT, {"command": "view", "path": "a", "view_range": 4}, "`view_range` must be a list"),
        ("update_plan", {"items": [{"text": "a"}]}, r"`state` is missing. `items\[0\]` takes"),
        ("update_plan", {"items": ["a"]}, r"`items\[0\]` must be an object"),
    ],
)
def test_a_wrong_input_is_explained(name: str, given_input: Any, words: str) -> None:
    """What is missing, unknown or of the wrong kind is named."""
    with pytest.raises(InputProblem, match=words):
        read_input(toolbox()[name].schema, given_input)


def test_small_slips_are_put_right() -> None:
    """Numbers and lists as strings, and null for what may be left out, are read as they were meant."""
    assert read_input(toolbox()["bash"].schema, {"command": "ls", "timeout": "60"}) == {"command": "ls", "timeout": 60}
    given_input = {"command": "view", "path": "a", "view_range": "[1, 5]", "old_str": None}
    assert read_input(toolbox()[EDIT].schema, given_input)["view_range"] == [1, 5]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_input_breaks_the_reader(given_input: Any) -> None:
    """Whatever a model gives is read or refused in words."""
    for tool in toolbox().values():
        with contextlib.suppress(InputProblem):
            assert isinstance(read_input(tool.schema, given_input), dict)


def test_bash_tells_output_exit_code_and_silence(sandbox: Sandbox) -> None:
    """Output comes as it is, a failure with its exit code, and nothing is said to be nothing."""
    assert use(sandbox, "bash", command="echo a; echo b >&2") == "a\nb"
    assert use(sandbox, "bash", command="echo a; (exit 4)") == "a\n[exit code 4]"
    assert use(sandbox, "bash", command="true") == "[no output, exit code 0]"
    assert use(sandbox, "bash", command=r"printf '\033[31mred\033[0m\000'") == "red\N{REPLACEMENT CHARACTER}"


def test_long_output_is_cut_in_the_middle(sandbox: Sandbox) -> None:
    """A flood keeps its beginning and its end, and says that something is missing."""
    shown = use(sandbox, "bash", command="echo first; seq 100000; echo last")
    assert len(shown) < 31_000
    assert shown.startswith("first")
    assert shown.endswith("last")
    assert "cut" in shown or "omitted" in shown


def test_a_command_over_time_is_ended(sandbox: Sandbox) -> None:
    """The time-out is kept and told, and the shell is usable afterwards."""
    assert "[ended after 1 seconds" in use(sandbox, "bash", command="echo begun; sleep 60", timeout=1)
    assert use(sandbox, "bash", command="echo again") == "again"


def test_a_file_is_written_viewed_and_changed(sandbox: Sandbox) -> None:
    """Create makes folders, view numbers lines, str_replace and insert show what came of them."""
    use(sandbox, EDIT, command="create", path="/workspace/src/a.py", file_text="def f():\n    return 1\n")
    assert use(sandbox, EDIT, command="view", path="src/a.py") == "     1\tdef f():\n     2\t    return 1"
    changed = use(sandbox, EDIT, command="str_replace", path="src/a.py", old_str="return 1", new_str="return 2")
    assert "     2\t    return 2" in changed
    inserted = use(sandbox, EDIT, command="insert", path="src/a.py", insert_line=0, insert_text="import os")
    assert "     1\timport os\n     2\tdef f():" in inserted
    assert use(sandbox, EDIT, command="view", path="src/a.py", view_range=[2, -1]).startswith("     2\tdef f():")
    assert sandbox.read("/workspace/src/a.py", limit=99) == b"import os\ndef f():\n    return 2\n"


def test_a_folder_is_listed(sandbox: Sandbox) -> None:
    """View of a folder shows two levels, without .git and node_modules."""
    sandbox.run("mkdir -p a/b/c .git/x node_modules/y; touch a/f a/b/g a/b/c/h 'a/two words'", timeout=10)
    shown = use(sandbox, EDIT, command="view", path="/workspace").splitlines()[1:]
    assert shown == sorted(["a/", "a/b/", "a/f", "a/two words"])


@pytest.mark.parametrize(
    ("given_input", "words"),
    [
        ({"command": "view", "path": "/etc/passwd"}, "outside /workspace and /tmp"),
        ({"command": "view", "path": "/workspace/../etc/passwd"}, "outside"),
        ({"command": "create", "path": "/workspacex/a", "file_text": ""}, "outside"),
        ({"command": "view", "path": "none.txt"}, "none.txt cannot be read"),
        ({"command": "view", "path": "link"}, "link cannot be read"),
        ({"command": "view", "path": "fifo"}, "fifo cannot be read"),
        ({"command": "view", "path": "binary"}, "binary file of 3 bytes"),
        ({"command": "view", "path": "twice", "view_range": [3, 9]}, "the file has 2 lines"),
        ({"command": "view", "path": "twice", "view_range": [1]}, "takes two numbers"),
        ({"command": "create", "path": "a"}, "`create` needs `file_text`"),
        ({"command": "create", "path": "a", "file_text": "\ud800"}, "half a Unicode character"),
        ({"command": "create", "path": "twice/below", "file_text": "x"}, "cannot be written"),
        ({"command": "str_replace", "path": "twice", "old_str": "same", "new_str": "x"}, "2 times, from lines 1, 2"),
        ({"command": "str_replace", "path": "twice", "old_str": "none"}, "does not stand in twice"),
        (
            {"command": "str_replace", "path": "twice", "old_str": "same   \n same"},
            "other white space it stands at line 1",
        ),
        ({"command": "str_replace", "path": "twice", "old_str": ""}, "`old_str` is empty"),
        ({"command": "insert", "path": "twice", "insert_line": 3, "insert_text": "x"}, "has 2 lines"),
        ({"command": "insert", "path": "twice", "insert_line": 1}, "needs `insert_text`"),
    ],
)
def test_what_cannot_be_done_is_explained(sandbox: Sandbox, given_input: dict[str, Any], words: str) -> None:
    """Paths outside, links, pipes, binary files and places that do not fit are refused in words."""
    sandbox.run(
        r"printf 'same\nsame\n' > twice; ln -s /etc/passwd link; mkfifo fifo; printf 'a\0b' > binary", timeout=10
    )
    with pytest.raises(ToolProblem, match=words):
        use(sandbox, EDIT, **given_input)


def test_line_ends_and_strange_bytes_survive_an_edit(sandbox: Sandbox) -> None:
    """A file with CRLF and bytes that are no UTF-8 keeps both where it was not changed."""
    sandbox.write("/workspace/dos.txt", b"one\r\ntwo\r\n\xff\xfe\r\n")
    use(sandbox, EDIT, command="str_replace", path="dos.txt", old_str="one\ntwo", new_str="1\n2")
    use(sandbox, EDIT, command="insert", path="dos.txt", insert_line=2, insert_text="3\n")
    assert sandbox.read("/workspace/dos.txt", limit=99) == b"1\r\n2\r\n3\r\n\xff\xfe\r\n"


@given(st.text(), st.integers(0, 200))
def test_cutting_keeps_the_bounds(text: str, limit: int) -> None:
    """Cut text is never longer than the limit, short text stays as it is, and both ends are the text's own."""
    shown = cut(text, limit)
    assert len(shown) <= limit or shown == text
    if len(text) > limit >= 100:
        assert "characters were cut here" in shown
        assert text.startswith(shown.partition("\n[…")[0])
        assert text.endswith(shown.rpartition("…]\n")[2])


@given(st.text(alphabet=st.characters()) | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_readable_text_can_be_stored_and_sent(output: str) -> None:
    """No output keeps what a database or an API refuses, and cleaning twice is cleaning once."""
    text = readable(output)
    text.encode("utf-8")
    assert "\x00" not in text
    assert "\x1b" not in text
    assert readable(text) == text
