"""Other queues that a Python program might use, measured in the same way as Darkroom. They run in a separate environment, `.venv-bench`."""
