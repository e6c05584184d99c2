"""The sandbox fixtures, for the hostile tests too."""

from tests.sandbox.conftest import engine, fresh, provider, shared

__all__ = ["engine", "fresh", "provider", "shared"]
