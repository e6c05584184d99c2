"""Where symbolic links of a tree lead, through each other, without any file system."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from jobs.workspace import spelling

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_HOPS = 40
LONGEST_TARGET = 4096


class Links:
    """All links of a tree: path → target."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = targets
        self._by_plain = {spelling.plain(path): target for path, target in targets.items()}

    def fault(self, path: str) -> str:
        """Return why the link at ``path`` is not allowed, or nothing."""
        target = self._targets[path]
        if not target or len(target) > LONGEST_TARGET:
            return "the link's target is empty or too long"
        if any(ord(character) < ord(" ") or character in "\\\x7f" for character in target) or target[1:2] == ":":
            return "the link's target has characters that mean something else elsewhere"
        if target.startswith("/"):
            return "the link leads out of the repository"
        return self._follow(path, target)

    def _follow(self, path: str, target: str) -> str:
        """Walk the target as a file system would, every link on the way taken."""
        here = path.split("/")[:-1]
        ahead = deque([target])
        hops = 0
        while ahead:
            step, _, rest = ahead.popleft().partition("/")
            if rest:
                ahead.appendleft(rest)
            if step == "..":
                if not here:
                    return "the link leads out of the repository"
                here.pop()
            elif step not in {"", "."}:
                if spelling.is_git_folder(step):
                    return "the link leads into .git"
                here.append(step)
                onward = self._by_plain.get(spelling.plain("/".join(here)))
                if onward is not None:
                    if onward.startswith("/"):
                        return "the link leads out of the repository"
                    here.pop()
                    hops += 1
                    ahead.appendleft(onward)
            if hops > MOST_HOPS:
                return "the link leads in a circle"
        return ""
