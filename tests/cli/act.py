"""A program for the tests: the real supervisor over processes that the test names on the command line, as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bot.up.child import Patience, Process
from bot.up.console import Console
from bot.up.guard import guarded
from bot.up.supervisor import StopAsked, Supervisor


def act() -> int:
    """Start what the test named, keep it alive, stop it: the last named is stopped last."""
    database = Path(sys.argv[3]) if sys.argv[3] else None
    supervisor = Supervisor(Console(sys.stdout.fileno()), Patience(**json.loads(sys.argv[2])), database)
    children = []
    try:
        for name, code in json.loads(sys.argv[1]):
            process = Process(name, (sys.executable, "-u", "-c", code), dict(os.environ))
            children.append(supervisor.start(process))
        return supervisor.serve(lambda: True)
    except StopAsked:
        return 0
    finally:
        supervisor.stop(children[-1:])


if __name__ == "__main__":
    sys.exit(guarded(act))
