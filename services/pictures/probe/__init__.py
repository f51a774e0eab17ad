"""The type of an uploaded file, determined from its content, reading only its headers.

    async with object_http() as storage:
        prober = Prober(sandbox, children, storage, ProbeLimits())
        found = await prober.probe(account_id, url, size, etag)

Nothing is decoded, so a picture that claims 30,000 x 30,000 pixels costs no more than any other; whether it is too
large is the caller's decision. `prober` is the service's side; `child` and what it imports run in the sandbox.
"""
