"""Generators for the Python client's modules in gen/darkroom: what it takes from the protos, and its methods without `await`."""
