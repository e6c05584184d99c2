"""Discord: hears slash commands, buttons, forms and mentions, and shows tasks in channels and threads."""
