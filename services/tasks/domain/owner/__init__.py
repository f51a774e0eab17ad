"""An account's view of its tasks, and its actions on them: look up, list, watch, cancel, run again, delete."""
