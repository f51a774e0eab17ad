"""Bucket bounds of histograms, in seconds."""

CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""For calls and requests: a millisecond to a minute."""
WORK = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""For tasks and their parts, waiting included: from 10 ms, the dispatch time of an idle lane, to half an hour."""
