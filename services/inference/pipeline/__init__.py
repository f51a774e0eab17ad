"""Running the operations of a task one after the other, and providing what each needs."""
