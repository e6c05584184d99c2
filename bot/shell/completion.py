"""Completion for bash, zsh and fish: short scripts that ask the program itself, so that they are never out of date."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.commands import ALIASES, ENTRIES, LEVELS, OPTIONS, Takes, options_of
from bot.shell.documents import document, say
from bot.shell.exits import Exit
from bot.shell.table import BOT_WORDS, COMMANDS, GROUPS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.commands import Entry
    from bot.shell.table import Command

Found = list[tuple[str, str]]
"""What a word can be, and what that means."""

BASH = """\
# opus67 completion for bash. To have it in every shell:
#   opus67 completion bash > ~/.local/share/bash-completion/completions/opus67
_opus67() {
    local value _help
    COMPREPLY=()
    while IFS=$'\\t' read -r value _help; do
        COMPREPLY+=("$value")
    done < <("$1" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _opus67 opus67
"""
ZSH = """\
#compdef opus67
# opus67 completion for zsh. To have it in every shell, in a folder of $fpath:
#   opus67 completion zsh > ~/.zfunc/_opus67
_opus67() {
    local -a found
    local value help
    while IFS=$'\\t' read -r value help; do
        found+=("${value//:/\\\\:}:$help")
    done < <("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
        _describe 'opus67' found
    else
        _default
    fi
}
if [[ "${funcstack[1]}" == _opus67 ]]; then
    _opus67 "$@"
else
    compdef _opus67 opus67
fi
"""
FISH = """\
# opus67 completion for fish. To have it in every shell:
#   opus67 completion fish > ~/.config/fish/completions/opus67.fish
function __opus67_complete
    set -l said (commandline -opc)
    set -l now (commandline -ct)
    command $said[1] complete $said[2..-1] "$now" 2>/dev/null
end
complete -c opus67 -f -a '(__opus67_complete)'
"""
SCRIPTS: Mapping[str, str] = {"bash": BASH, "zsh": ZSH, "fish": FISH}
CHOICES: Mapping[str, Sequence[str]] = {
    "mode": ("conservative", "balanced", "aggressive"),
    "priority": LEVELS,
}
SHELL_FLAGS = {"--json": "print one JSON document", "--help": "tell about the command"}
WATCH = {"--watch": "stay and show how the task goes"}
_LONGEST = 60


def run_completion(arguments: argparse.Namespace) -> int:
    """Print the script of a shell."""
    script = SCRIPTS[arguments.shell]
    data = {"shell": arguments.shell, "script": script}
    say(document(script, ok=True, data=data) if arguments.json else script.rstrip("\n"))
    return Exit.DONE


def complete(words: Sequence[str]) -> int:
    """Print what the last of the words can be, one in each line with its meaning behind a tab; for the scripts."""
    found = candidates(words or [""], partial(_known, "tasks"), partial(_known, "repositories"))
    if found:
        say("\n".join(f"{value}\t{' '.join(meaning.split())[:_LONGEST]}" for value, meaning in found))
    return Exit.DONE


def candidates(words: Sequence[str], tasks: Callable[[], Found], repositories: Callable[[], Found]) -> Found:
    """Return what the last of the words can be; tasks and repositories are asked for where one can stand (pure)."""
    # bash takes --repo=a apart into three words.
    *said, now = [word for word in words[:-1] if word != "="] + [words[-1].removeprefix("=")]
    if said and (option := said[-1].removeprefix("--")) in OPTIONS and said[-1] != option:
        found = repositories() if option == "repo" else [(choice, "") for choice in CHOICES.get(option, ())]
        return _beginning(found, now)
    plain, typed = _plain(said), " ".join(_plain(said))
    if not plain:
        return _beginning(_first(now), now)
    program = next((command for command in COMMANDS if f"{typed} ".startswith(f"{command.name} ")), None)
    if plain[0] in GROUPS or program is not None:
        return _beginning(_program(program, plain, said[-1], now), now)
    return _beginning(_bot(plain, now, tasks), now) if plain[0] in BOT_WORDS else []


def _first(now: str) -> Found:
    if now.startswith("-"):
        return [*SHELL_FLAGS.items(), ("--version", "print the version"), ("--debug", "show tracebacks")]
    names = {command.name: command.help for command in COMMANDS if " " not in command.name} | GROUPS
    groups = {word: _about(word) for word in BOT_WORDS}
    return [*names.items(), *groups.items()]


def _about(word: str) -> str:
    name = ALIASES.get(word, word)
    entry = ENTRIES.get(name) or next(entry for key, entry in ENTRIES.items() if key.startswith(f"{name} "))
    return entry.help


def _program(command: Command | None, plain: Sequence[str], last: str, now: str) -> Found:
    """Complete one of the program's own commands."""
    if command is None:
        group = plain[0]
        return [(other.name.partition(" ")[2], other.help) for other in COMMANDS if other.name.startswith(f"{group} ")]
    flags = [(option.flag, option.help) for option in command.options if option.flag.startswith("-")]
    if now.startswith("-"):
        return [*flags, *SHELL_FLAGS.items()]
    for option in command.options:
        if option.flag == last or (not option.flag.startswith("-") and len(plain) == len(command.name.split())):
            return [(str(choice), "") for choice in (option.rest or {}).get("choices", ())]
    return []


def _bot(plain: Sequence[str], now: str, tasks: Callable[[], Found]) -> Found:
    """Complete one of the bot's commands: the next word of its name, its task, its choices."""
    name, entry, given = _named(plain)
    if now.startswith("-"):
        options = {f"--{option}": words for option, words in options_of(entry).items()} if entry else {}
        watch = WATCH if entry and (entry.options or entry.task) else {}
        return [*options.items(), *watch.items(), *SHELL_FLAGS.items()]
    if name == "help":
        return _next_words(given)
    found = _next_words(plain)
    if entry is not None:
        found += _argument(entry, given, tasks)
    return found


def _named(plain: Sequence[str]) -> tuple[str, Entry | None, Sequence[str]]:
    """Return the command that words begin with, and what was said behind its name."""
    for length in range(len(plain), 0, -1):
        typed = " ".join(plain[:length])
        name = ALIASES.get(typed, typed)
        if name in ENTRIES:
            return name, ENTRIES[name], plain[length:]
    return "", None, ()


def _next_words(said: Sequence[str]) -> Found:
    """Return the words that go on from those said to the name of a command."""
    found: dict[str, str] = {}
    for name, entry in ENTRIES.items():
        parts = name.split()
        if parts[: len(said)] == list(said) and len(parts) > len(said):
            found.setdefault(parts[len(said)], entry.help)
    return list(found.items())


def _argument(entry: Entry, given: Sequence[str], tasks: Callable[[], Found]) -> Found:
    if entry.task is not None and not given:
        return tasks()
    rest = given[1:] if entry.task is not None else given
    if rest[-1:] == ["by"]:
        return [(choice.split()[1], "") for choice in _choices(entry) if choice.startswith("by ")]
    if any(argument.takes is Takes.WORD for argument in entry.arguments) and "by" not in rest:
        taken = {choice for choice in _choices(entry) if choice in rest}
        words = (choice.split()[0] for choice in _choices(entry) if choice not in taken)
        return [(word, "") for word in dict.fromkeys(words)]
    return []


def _choices(entry: Entry) -> list[str]:
    return [choice for argument in entry.arguments for choice in argument.choices]


def _plain(said: Iterable[str]) -> list[str]:
    """Return the words without flags, and without options and their values."""
    left, plain = list(said), []
    while left:
        word = left.pop(0)
        if word.startswith("--") and word[2:] in OPTIONS:
            del left[:1]
        elif not word.startswith("-"):
            plain.append(word)
    return plain


def _known(what: str) -> Found:
    """Ask the database of this machine."""
    from bot.shell import known  # noqa: PLC0415 - slow to import, and used where an id or a name can stand

    return known.tasks() if what == "tasks" else known.repositories()


def _beginning(found: Found, now: str) -> Found:
    return [(value, meaning) for value, meaning in found if value.startswith(now)]
