"""The search for undeclared marks: what a document draws, with its place and look, and the evidence for a watermark."""
