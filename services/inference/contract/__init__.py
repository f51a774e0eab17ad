"""What operations take and return: media, tools, progress, and picture providers. It depends on no operation."""
