"""Watermark removal from PDF documents that leaves everything else alone.

`remove.remove_watermarks` is the entry point. A document is held by pypdf (`document`); content streams are read as
tokens with their places in the bytes (`lexer`) and cut (`cutter`), never written anew. What counts as a mark is decided by
a recogniser (`declared`, `layers`), so that another kind of evidence is another recogniser.
"""
