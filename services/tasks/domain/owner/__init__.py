"""What an account sees of its tasks, and does with them: look up, list, watch, cancel, run again, delete."""
