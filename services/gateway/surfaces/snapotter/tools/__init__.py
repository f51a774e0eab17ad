"""One module per tool, named after its id: `SETTINGS`, the message of its settings, and `plan(settings, name)`, what it does with a file of
that name."""
