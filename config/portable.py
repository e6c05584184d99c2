"""The settings as one file for another machine: with the private key, without what is this machine's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config import dotenv
from config.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

LEFT_OUT = (
    *("OPUS67_HOME", "DATABASE_URL", "REDIS_URL"),
    *("OPUS67_URL", "OPUS67_TOKEN", "GITHUB_PRIVATE_KEY_PATH", "OPUS67_AUDIT_FILE"),
)
"""Where this machine keeps things, and whom its command line speaks to."""
HEAD = """\
# The settings of a backup, with their secrets: keep this file to yourself.
# OPUS67_HOME, DATABASE_URL and REDIS_URL are not in it, since they are of the machine.

"""


def portable(settings: Settings, environ: Mapping[str, str], file: str) -> str:
    """Return the settings that are set, as the text of a ``.env``; ``file`` is the text of the one of now.

    As everywhere the environment wins over the file.
    """
    values = {**dotenv.parse(file).values, **environ}
    values["GITHUB_PRIVATE_KEY"] = settings.github_private_key
    names = [one.name for one in VARIABLES if values.get(one.name, "").strip() and one.name not in LEFT_OUT]
    return HEAD + "".join(f"{name}={dotenv.quote(values[name].strip())}\n" for name in names)
