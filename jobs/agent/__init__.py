"""The agent: the loop, its tools, its prompts, its checks and its reviewer. It knows no provider and no sandbox."""
