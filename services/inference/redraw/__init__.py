"""Rebuilding the pages of a PDF as pictures: rendering, the invisible text layer, and putting the document together again."""
