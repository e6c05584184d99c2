"""The pages of the web process; ``mount`` puts them into the application."""
