"""One module an operation, by its name in `darkroom.operations.v1`, with one function: `run(medium, parameters, step)`.

An operation that takes references (`max_references`) has `run(references, parameters, step)` instead, and gives a list of
`Made`. One that joins all inputs (`joins_inputs`) has `run(files, parameters, step)`, and gives a `Stream`.
"""
