"""The tasks database: all its SQL, one module a subject, and one method a statement."""
