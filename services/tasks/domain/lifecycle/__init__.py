"""Moves a task from state to state, and the loops for it."""
