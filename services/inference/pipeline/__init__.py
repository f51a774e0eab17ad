"""Running the operations of a task one after the other, and what each is given."""
