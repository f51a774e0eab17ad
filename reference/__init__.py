"""Generates the reference from the protos: the OpenAPI document, `llms.txt` and `llms-full.txt`, and the pages in docs/reference."""
