"""Watermark removal from PDF documents that leaves everything else alone.

`remove.remove_watermarks` is the entry point. pypdf holds the document (`document`); content streams are read as
tokens with their byte positions (`lexer`) and cut (`cutter`), never rewritten. A recogniser decides what counts as a mark
(`declared`, `layers`), so that another kind of evidence is another recogniser.
"""
