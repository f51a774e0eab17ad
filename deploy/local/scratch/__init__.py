"""Throw-away stacks and servers for tests and benchmarks: on their own ports, in their own folders, and gone with whoever made them."""
