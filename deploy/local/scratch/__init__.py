"""Throw-away stacks and servers for tests and benchmarks: on their own ports, in their own folders, removed with their creator."""
