"""The tools of the Model Context Protocol: Darkroom for programs that talk to a language model.

`darkroom mcp` serves them over standard input and output, and the gateway at `/mcp`. Both run the same tools, which make the same calls
of the public API as `AsyncClient`: a tool's work is a task as any other. It needs the extra `darkroom[mcp]`.
"""
