"""Neural models: all of them run in Triton."""
