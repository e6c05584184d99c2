"""A task is played through before workers are forked, so that they share what it makes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import os, sys
from pathlib import Path
from config.settings import load
from jobs.rehearsal import play, rehearse
from jobs.services import build
from jobs.store import Store
from sqlalchemy.sql.compiler import SQLCompiler

home = Path(sys.argv[1])
named = {"OPUS67_HOME": str(home), "OPUS67_MODEL": "nobody", "REDIS_URL": "redis://127.0.0.1:9/0"}
settings = load(named, dotenv=None)
Store(settings.database_url).create()
compiled, init = [], SQLCompiler.__init__

def counting(self, *given, **named):
    init(self, *given, **named)
    compiled.append(str(self))

SQLCompiler.__init__ = counting
rehearse(settings)
ahead = len(compiled)
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
play(build(settings))
print(ahead, len(compiled) - ahead, Store(settings.database_url).tasks.recent(9)[0].conclusion, flush=True)
os._exit(0)
"""


def test_what_was_rehearsed_is_not_compiled_again(home: Path) -> None:
    """A forked process turns no statement of a task's way into text, though its database is another one."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(home)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ahead, behind, conclusion = done.stdout.split()
    assert int(ahead) > 15
    assert (int(behind), conclusion) == (0, "success")
