"""A small picture for each tool and main operation, by which people choose it in the console."""
