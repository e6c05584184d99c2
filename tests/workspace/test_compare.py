"""Two commits compared in the mirror: names, counts, patches, and which one descends from which."""

from __future__ import annotations

import pytest

from jobs.types import UserError
from jobs.workspace import ChangedFile, Comparison
from tests.workspace.fixtures import FILES, Place

GONE = "0123456789" * 4


def compared(place: Place, files: dict[str, str | bytes | None], base: str = "") -> Comparison:
    """Commit files to a branch and compare it with the base."""
    for path, content in files.items():
        head = place.github.commit_file(place.repository, "change", path, content)
    place.mirror.fetch(place.repository, place.token, want=head)
    return Comparison(place.mirror, place.repository, base or place.base, head)


def test_files_are_told_with_what_happened_to_them(place: Place) -> None:
    """Added, deleted, moved, binary and odd names are told as they are, with the lines that changed."""
    comparison = compared(
        place,
        {
            "app.py": "def main():\n    return 2\n",
            'odd "name"\t.py': "x\n",
            "logo.png": b"\x89PNG\0\0",
            "package/module.py": None,
            "moved.md": FILES["README.md"],
            "README.md": None,
        },
    )
    files = {file.path: file for file in comparison.files()}
    assert files["app.py"] == ChangedFile("app.py", "M", 1, 1)
    assert files['odd "name"\t.py'] == ChangedFile('odd "name"\t.py', "A", 1, 0)
    assert files["logo.png"].binary
    assert files["package/module.py"] == ChangedFile("package/module.py", "D", 0, 1)
    assert files["moved.md"] == ChangedFile("moved.md", "R", 0, 0, previous="README.md")
    assert all(file.named for file in files.values())
    assert "+    return 2" in (comparison.patch(files["app.py"], 10_000) or "")
    assert "+x" in (comparison.patch(files['odd "name"\t.py'], 10_000) or "")
    assert "value = 1" not in (comparison.patch(files["package/module.py"], 10_000) or "")
    assert "rename from README.md" in (comparison.patch(files["moved.md"], 10_000) or "")
    assert comparison.patch(files["app.py"], 10) is None


def test_a_path_that_looks_like_a_pattern_is_only_a_path(place: Place) -> None:
    """Git's magic in paths has no power: another file's patch never comes with it."""
    comparison = compared(place, {":(glob)*": "a\n", "*": "b\n", "c.py": "c\n"})
    for path, text in ((":(glob)*", "+a"), ("*", "+b")):
        patch = comparison.patch(ChangedFile(path, "A", 1, 0), 10_000) or ""
        assert text in patch
        assert patch.count("diff --git") == 1


def test_a_commit_descends_from_its_past(place: Place) -> None:
    """What was pushed on top descends; a commit of another line and one that nobody has do not."""
    comparison = compared(place, {"a": "1\n"})
    side = place.github.commit_file(place.repository, "side", "b", "1\n")
    place.mirror.fetch(place.repository, place.token, want=side)
    assert comparison.descends
    assert not Comparison(place.mirror, place.repository, side, comparison.commit).descends
    assert not Comparison(place.mirror, place.repository, GONE, comparison.commit).descends
    assert Comparison(place.mirror, place.repository, side, comparison.commit).fork_point() == place.base


def test_commits_without_a_common_past_are_told_in_words(place: Place) -> None:
    """There is nothing to compare where two histories never met; what is no commit is not asked for."""
    comparison = compared(place, {"a": "1\n"})
    path = place.mirror.path(place.repository)
    tree = place.mirror.git.text(path, "rev-parse", f"{place.base}^{{tree}}")
    names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    made = place.mirror.git.run(path, "commit-tree", "-m", "x", tree, environment=names).output.decode().strip()
    with pytest.raises(UserError, match="no history in common"):
        Comparison(place.mirror, place.repository, made, comparison.commit).fork_point()
    with pytest.raises(UserError, match="could not be compared"):
        Comparison(place.mirror, place.repository, GONE, comparison.commit).files()
    with pytest.raises(ValueError, match="40 hexadecimal digits"):
        Comparison(place.mirror, place.repository, "HEAD", comparison.commit)
