"""What a service writes to its log, up to its last words: never a secret."""

from __future__ import annotations

import subprocess
import sys

KEY = "a-key-7Q2m-of-9Xw4-nobodys-b1Lk"
PROGRAM = """
import logging, os, threading
from config.settings import load
from jobs import logs

settings = load({"ANTHROPIC_API_KEY": os.environ["KEY"]}, dotenv=None)
logs.set_up(settings)

def fail():
    raise ValueError("a thread was sent " + settings.anthropic_api_key)

logging.getLogger("one").warning("a log was sent %s", settings.anthropic_api_key[::-1])
thread = threading.Thread(target=fail, name="helper")
thread.start()
thread.join()
raise RuntimeError("the process was sent " + settings.anthropic_api_key)
"""


def test_what_nobody_caught_is_logged_without_secrets() -> None:
    """An error that ends a thread or the process is written as every other is, with its traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"KEY": KEY}, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert KEY not in ended.stderr
    assert KEY[::-1] not in ended.stderr
    for words in (
        "a log was sent [redacted]",
        "ValueError: a thread was sent [redacted]",
        "RuntimeError: the process was sent [redacted]",
        "the thread helper ends with an error",
    ):
        assert words in ended.stderr, ended.stderr
    assert ended.stderr.count("Traceback") == 2
