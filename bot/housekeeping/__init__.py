"""Keeps our picture of GitHub true, and this machine clean: lost deliveries, missed events, leftovers."""
