"""Taking tasks, running their attempts, and reporting."""
