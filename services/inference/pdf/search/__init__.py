"""The search for marks that nothing declares: what a document draws, with its place and look, and what speaks for a watermark."""
