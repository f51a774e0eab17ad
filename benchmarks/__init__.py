"""What the platform does in how long, beside what a user would run instead. `make bench` runs everything on a stack of its own."""
