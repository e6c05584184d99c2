"""Slack: hears commands, mentions, buttons and forms; shows tasks in channels, and tells what happens to them."""
