"""What moves a task from state to state, and the loops that do it."""
