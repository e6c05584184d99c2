"""The harness's record is of the published work alone: nothing else that the agent left has a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.journeys.town import BROKEN, FIXED, bash, finish, write

if TYPE_CHECKING:
    from tests.journeys.town import Town

TRICKS = {
    "a file that git ignores": "echo sitecustomize.py >> .git/info/exclude; echo 'import os; os._exit(0)' > sitecustomize.py",
    "a program in its home": "mkdir -p ~/bin ~/.local/bin; printf '#!/bin/sh\\nexit 0\\n' | tee ~/bin/python3 ~/.local/bin/python3 "
    "> /dev/null; chmod +x ~/bin/python3 ~/.local/bin/python3; echo 'PATH=$HOME/bin:$PATH' >> ~/.bashrc",
    "a module in its user site": "d=$(python3 -m site --user-site); mkdir -p $d; echo 'import os; os._exit(0)' > $d/usercustomize.py",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=list(TRICKS))
def test_checks_cannot_be_made_to_pass_beside_the_patch(town: Town, trick: str) -> None:
    """An agent that breaks the code and rigs its own workspace gets a record that says failed."""
    story = town.story([write(BROKEN), bash(trick), finish(), finish(), finish()]).ask()
    assert "the work is not complete" in story.ends()
    assert "Fixes" not in story.pulls()[0].body


def test_a_set_up_that_the_patch_breaks_is_a_failed_check(town: Town) -> None:
    """The work is kept as a draft that says so; the same set-up ran well before the work began."""
    files = {".github/opus67.yml": "setup: ['python3 -c \"import greeting\"']\n"}
    story = town.story([write("this is no Python\n"), finish(), finish(), finish()], files=files).ask()
    assert "the work is not complete" in story.ends()
    assert "import greeting" in story.pulls()[0].body


def test_the_checks_leave_the_agents_workspace_as_it_was(town: Town) -> None:
    """What the agent left in its shell and its folder is there when failed checks give it another go."""
    look = bash("cat /tmp/note; ls -A | head")
    story = town.story([write(BROKEN), bash("echo kept > /tmp/note"), finish(), look, write(FIXED), finish()]).ask()
    assert "Done: a draft pull request is ready" in story.ends()
    results = [block for message in story.asked()[4].body["messages"] for block in message["content"]]
    assert any("kept" in str(block) for block in results)
