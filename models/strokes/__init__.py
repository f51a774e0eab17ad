"""How the network `mark_strokes` is trained, which finds the strokes of a mark in a line of text: `python -m models.strokes.train`."""
