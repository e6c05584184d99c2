"""The supervisor keeps processes alive, hands on what they write, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.up.child import Patience
from tests.cli.conftest import alive
from tests.waiting import until

if TYPE_CHECKING:
    from tests.cli.conftest import Running, Stage

IDLE = "import signal; print('idle', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('stubborn', flush=True)\nwhile True: signal.pause()"
PARENT = (
    "import subprocess, sys, signal; subprocess.Popen([sys.executable, '-c', "
    "'import os, signal; print(\"grandchild\", os.getpid(), flush=True); signal.pause()']);"
    "print('parent', flush=True); signal.pause()"
)
RUNAWAY = (
    "import subprocess, sys, signal; subprocess.Popen([sys.executable, '-c', "
    "'import signal; signal.signal(15, signal.SIG_IGN); print(\"runaway\", flush=True)\\nwhile True: signal.pause()'],"
    " start_new_session=True); signal.pause()"
)


def test_every_line_says_who_wrote_it(stage: Stage) -> None:
    """The output of each process is handed on, line by line, behind the process's name."""
    code = "import sys, signal; print('one'); print('two', file=sys.stderr); print('three', end='', flush=True); exit()"
    output = stage.act(("talker", code)).until_says("talker ended")
    assert "talker   | one\n" in output
    assert "talker   | two\n" in output
    assert "talker   | three\n" in output
    assert "up       | talker ended with exit code 0; it is started again in 0.5 s.\n" in output


def test_what_dies_is_started_again(stage: Stage) -> None:
    """A process that is killed comes back, and the other one is left alone."""
    running = stage.act(("first", "import os; print('first is', os.getpid()); " + IDLE), ("second", IDLE))
    output = running.until_says("idle", times=2)
    pid = int(output.split("first is ")[1].split()[0])
    os.kill(pid, signal.SIGKILL)
    output = running.until_says("first is", times=2)
    assert "first was killed by SIGKILL; it is started again in 0.5 s." in output
    assert output.count("second   | idle") == 1


def test_the_pauses_grow_to_an_upper_bound() -> None:
    """The pause before a restart doubles from half a second and stays below a bound."""
    pauses = [Patience().delay(deaths) for deaths in range(1, 12)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == 30.0
    assert pauses == sorted(pauses)


def test_it_gives_up_in_words(stage: Stage) -> None:
    """A process that dies again and again ends everything with exit code 1 and the next step."""
    running = stage.act(("broken", "exit(3)"), ("idle", IDLE), first_delay=0.01, most_deaths=4)
    running.until_says("idle")
    running.family()
    assert running.ends() == 1
    assert running.output.count("broken ended with exit code 3") == 4
    assert "4 times in a row. I give up and stop everything" in running.output
    assert "`opus67 doctor`" in running.output
    assert running.survivors() == []


def test_who_recovers_is_forgiven(stage: Stage) -> None:
    """Deaths are counted in a row only: a process that lived long enough between two of them is not given up."""
    code = "import time; print('up'); time.sleep(0.2)"
    running = stage.act(("sleeper", code), first_delay=0.01, most_deaths=3, steady_seconds=0.1)
    running.until_says("sleeper  | up", times=6)
    assert running.popen.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything(stage: Stage, number: signal.Signals) -> None:
    """SIGTERM, Ctrl-C and a closed terminal stop all processes in order, soon, and end with exit code 0."""
    running = stage.act(("first", PARENT), ("second", IDLE))
    running.until_says("grandchild")
    running.until_says("idle")
    assert len(running.family()) == 4
    started = time.monotonic()
    running.popen.send_signal(number)
    assert running.ends() == 0
    assert time.monotonic() - started < 20
    assert running.survivors() == []


def test_the_stubborn_are_killed(stage: Stage) -> None:
    """A process that ignores SIGTERM is killed, and the whole stop does not wait for it."""
    running = stage.act(("first", STUBBORN), ("second", STUBBORN))
    running.until_says("stubborn", times=2)
    running.family()
    started = time.monotonic()
    running.popen.terminate()
    assert running.ends() == 0
    assert time.monotonic() - started < 20
    assert "first did not stop in time and is killed." in running.output
    assert running.survivors() == []


def test_a_second_signal_hurries(stage: Stage) -> None:
    """Who presses Ctrl-C twice does not wait."""
    running = stage.act(("first", STUBBORN), ("second", STUBBORN))
    running.until_says("stubborn", times=2)
    running.family()
    started = time.monotonic()
    running.popen.send_signal(signal.SIGINT)
    running.until_says("a second Ctrl-C kills")
    running.popen.send_signal(signal.SIGINT)
    assert running.ends() == 0
    assert time.monotonic() - started < 8
    assert running.survivors() == []


def inner(running: Running) -> int:
    """Return the supervisor proper, the child of the process that was started."""
    return int(Path(f"/proc/{running.popen.pid}/task/{running.popen.pid}/children").read_text().split()[0])


@pytest.mark.parametrize("victim", ["outer", "inner"])
def test_a_killed_supervisor_leaves_no_orphans(stage: Stage, victim: str) -> None:
    """Kill -9 of either of its two processes ends all that it ran, grandchildren and runaways too."""
    running = stage.act(("first", PARENT), ("second", RUNAWAY), ("third", IDLE))
    for word in ("grandchild", "runaway", "idle"):
        running.until_says(word)
    assert len(running.family()) == 6
    os.kill(running.popen.pid if victim == "outer" else inner(running), signal.SIGKILL)
    if victim == "inner":
        assert running.ends() == 1
        assert "the supervisor was killed; everything it ran has been stopped" in running.output
    until(lambda: not running.survivors(), seconds=12, what="the end of all processes")


def test_half_a_process_is_not_left(stage: Stage) -> None:
    """When a process is killed, what it had started goes too, before it is started again."""
    running = stage.act(("first", "import os; print('first is', os.getpid(), flush=True); " + PARENT), ("idle", IDLE))
    output = running.until_says("grandchild")
    grandchild = int(output.split("grandchild ")[1].split()[0])
    os.kill(int(output.split("first is ")[1].split()[0]), signal.SIGKILL)
    running.until_says("grandchild", times=2)
    assert not alive(grandchild)


def test_a_reader_that_stands_still_stops_nobody(stage: Stage) -> None:
    """While nobody reads the output, processes go on writing; what was lost is told afterwards."""
    code = (
        "import sys, time\n"
        "for _ in range(40000): print('x' * 100)\n"
        "open('done', 'w').close()\n"
        "while True: print('alive', flush=True); time.sleep(0.05)\n"
    )
    reader, writer = os.pipe()
    running = stage.act(("loud", code), into=writer)
    os.close(writer)
    until((stage.folder / "done").exists, what="the writer to get through")
    with os.fdopen(reader, "rb") as pipe:
        assert any(b"lines were lost while nobody read" in line for line in pipe)
    assert running.ends() == 0


def test_who_stands_still_and_lets_nobody_write_is_ended(stage: Stage) -> None:
    """A process that was stopped in a transaction of SQLite is killed; one that was stopped elsewhere is left to stand."""
    database = stage.folder / "state.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE told (word)")
        stop = "os.kill(os.getpid(), signal.SIGSTOP); signal.pause()"
        here = f"import os, signal, sqlite3\nfile = sqlite3.connect({str(database)!r}, isolation_level=None)\n"
        writer = f"{here}file.execute('BEGIN IMMEDIATE'); file.execute(\"INSERT INTO told VALUES ('half')\"); {stop}"
        reader = f"{here}file.execute('SELECT * FROM told'); print('reads', flush=True); {stop}"
        running = stage.act(("writer", writer), ("reader", reader), database=str(database))
        running.until_says("was stopped while it wrote to the database, so that nobody else can; it is killed")
        running.until_says("writer was killed by SIGKILL; it is started again")
        connection.execute("PRAGMA busy_timeout=20000")
        connection.execute("INSERT INTO told VALUES ('whole')")
        assert connection.execute("SELECT word FROM told").fetchall() == [("whole",)]
    assert running.output.count("reads") == 1
    assert "reader was killed" not in running.output
