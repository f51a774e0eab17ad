"""One module an operation, by its name in `darkroom.operations.v1`. What its `run` takes and gives follows from its arity:

- NONE and EACH: `run(medium, parameters, step)` takes a picture, a document or None, and gives one;
- REFERENCES: `run(references, parameters, step)` gives a list of `Made`;
- ALL: `run(files, parameters, step)` gives a `Stream`.

One that works on pictures one after the other also has `peak_memory(picture, parameters)`: the bytes that it takes at its peak.
No operation imports another: what several need stands in the packages below.
"""
