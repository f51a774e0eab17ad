"""Workers: operations on pictures and documents, with models by Triton."""
