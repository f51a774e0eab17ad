"""Measures the models of a repository on the GPU of a machine, in ten minutes: `python -m benchmarks.gpu`."""
