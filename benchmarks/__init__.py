"""How fast the platform is, compared with what a user would run instead. `make bench` runs everything on a stack of its own."""
