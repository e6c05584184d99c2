"""What runs inside the sandbox: an exec server of the standard library only, for Python 3.9 or newer."""
