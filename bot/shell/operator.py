"""Who sits at the machine itself."""

from __future__ import annotations

import os
import pwd


def user_name() -> str:
    """Return the name of the user who runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
