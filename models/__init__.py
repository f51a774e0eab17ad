"""The neural models that Triton serves: the source of their weights, their conversion, and their serving."""
