"""The parts of the stack, each with its command, its environment and its own readiness probe."""
