"""The retention times, and the sweep that removes everything older."""
