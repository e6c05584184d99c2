"""What a worker imports: whoever forks workers and has imported this has it already."""

from __future__ import annotations

from importlib import import_module

from jobs.execute import KINDS
from jobs.models import preload
from jobs.sandbox import preload as preload_sandbox

for module in ("jobs.github.client", "jobs.workspace", *(path.partition(":")[0] for path in KINDS.values())):
    import_module(module)
preload(("claude-opus-5-5",))
preload_sandbox("bubblewrap")
