"""Content credentials (C2PA): read from pictures, left out where they would no longer be true, and signed on request.

`manifest` says what is claimed, `child` does all work on files in a sandboxed process, and `signer` has the key, which never leaves the
worker.
"""
