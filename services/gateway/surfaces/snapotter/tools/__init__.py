"""The tools, in families: each one is declared as a `Tool`, next to what it does; `registry` lists them."""
