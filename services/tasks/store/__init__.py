"""The tasks database: all its SQL, one module per subject and one method per statement."""
