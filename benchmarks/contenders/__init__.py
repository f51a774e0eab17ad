"""Other queues that a Python program might use, measured as Darkroom is. They run in an environment of their own, `.venv-bench`."""
