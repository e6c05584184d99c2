"""Failing CI runs: told why before anything is paid, and mended where that may be."""
