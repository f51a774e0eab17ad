"""The inputs and outputs of operations: media, tools, progress, and picture providers. It depends on no operation."""
