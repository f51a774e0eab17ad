"""One module per operation, named as in `darkroom.operations.v1`. What its `run` takes and returns follows from its arity:

- NONE and EACH: `run(medium, parameters, step)` takes a picture, a document or None, and returns one, or `Data`: what it found, which ends
  the task. With the option `reads_file` it takes a `PictureFile`, always in a child process, and returns `Data`;
- REFERENCES: `run(references, parameters, step)` returns a list of `Made`;
- ALL: `run(files, parameters, step)` returns a `Stream`.

A plain operation's `run`, which takes a picture and returns one, is an ordinary function; it is called in a thread, or in a child process
that has nothing but what `contract.plain_step` lists. The others are coroutines.

One that works on pictures one after the other also has `peak_memory(picture, parameters)`: the bytes that it needs at its peak.
No operation imports another: shared code is in the packages below.
"""
