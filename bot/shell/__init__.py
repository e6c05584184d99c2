"""The bot's commands on the command line, here or over HTTP, and what the program's own commands share with them."""
