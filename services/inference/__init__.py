"""Workers: operations on pictures and documents, with models served by Triton."""
