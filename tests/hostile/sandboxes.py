"""The sandbox fixtures, for the hostile tests too."""

from tests.sandbox.conftest import fresh, provider, shared

__all__ = ["fresh", "provider", "shared"]
