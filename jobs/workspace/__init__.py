"""Git on the host: mirrors, checkouts into sandboxes, the work's way out through quarantine, and the push."""

from jobs.workspace.checkout import checkout, checkout_beforehand, checkpoint, export, restore
from jobs.workspace.compare import ChangedFile, Comparison
from jobs.workspace.history import contains, titles
from jobs.workspace.merging import merge
from jobs.workspace.mirror import Mirror, Snapshot
from jobs.workspace.push import PushConflict, PushRefused
from jobs.workspace.quarantine import Quarantine, sweep
from jobs.workspace.remote import TokenRefused
from jobs.workspace.rules import ALWAYS_PROTECTED, DEFAULT_PROTECTED, PatchRules

__all__ = [
    "ALWAYS_PROTECTED",
    "DEFAULT_PROTECTED",
    "ChangedFile",
    "Comparison",
    "Mirror",
    "PatchRules",
    "PushConflict",
    "PushRefused",
    "Quarantine",
    "Snapshot",
    "TokenRefused",
    "checkout",
    "checkout_beforehand",
    "checkpoint",
    "contains",
    "export",
    "merge",
    "restore",
    "sweep",
    "titles",
]
