"""What an operation is given and what it gives back: media, tools, progress, and who makes pictures. It knows no operation."""
