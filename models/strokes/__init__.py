"""The first stage of training `mark_paint`: the strokes of marks in lines of text (`python -m models.strokes.train`)."""
