"""Generates the reference from the protos: the OpenAPI documents, `llms.txt` and `llms-full.txt`, and the pages of docs/reference."""
