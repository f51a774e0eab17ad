"""One module per operation, named as in `darkroom.operations.v1`. The arguments and result of its `run` follow from its arity:

- NONE and EACH: `run(medium, parameters, step)` takes a picture, a document or None, and returns one, or `Data`: what it found, which ends
  the task;
- REFERENCES: `run(references, parameters, step)` returns a list of `Made`;
- ALL: `run(files, parameters, step)` returns a `Stream`.

An operation of EACH that is not short work may return `Several`: a picture, or `Data`, and files that are delivered after it.

With the option `reads_file`, `run` gets a `WholeFile`, for ALL a list of them, in a child process of its own where it can write to
`step.folder` alone, and returns a picture, `Data`, a `NewFile`, or `Several`.

A plain operation's `run`, which takes a picture and returns one, is an ordinary function; it is called in a thread, or in a child process
that has nothing but what `contract.plain_step` lists. The others are coroutines.

One that works on pictures also has `peak_memory(picture, parameters)`: the bytes that it needs at its peak. If it joins pictures, the first
is a list of their headers; one that takes no file may have it, too, and gets None.

An operation with the option `by_frame` gets each frame of an animation or a video as a picture by itself: `run` several times at once, in
any order. If its frames must agree in size, place or strength, or each depends on those around it, it also has
`over_frames(frames, parameters, step, frames_at_once)`, an asynchronous generator, which takes an asynchronous iterator of `Frame` in place
of one picture, and gives as many, in order, all of one size. It works on at most `frames_at_once` at the same time and keeps few besides in
memory; `step.folder` can hold more. `step.notice` takes what is to be said of all frames together, and `step.label` a label, each once;
`step.attach` takes the files that `Several` has otherwise. After its last frame, it may raise `NothingInFrames`, so that the frames are as
they were before it. It may return None, where with these parameters each frame is worked on by
itself. See `moving.in_order` and `moving.looking`.

No operation imports another: shared code is in the packages below.
"""
