"""How tasks are accepted on every surface: singly, as a batch, or only to estimate their price."""
