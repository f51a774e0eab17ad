"""The tasks database: rows, statements, and one method a statement."""
