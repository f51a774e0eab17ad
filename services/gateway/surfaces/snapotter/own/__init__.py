"""Tools with their own form or reply: a module a tool, and one a step of a tool, each with `serve`."""
