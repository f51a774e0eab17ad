"""The parts of `models.toml` that say how a model is served."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Entry(BaseModel):
    """A table of `models.toml`: keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Serving(Entry):
    """How Triton batches a model.

    `warmup`: the size of the picture, (height, width), that a GPU is warmed up with, for a model that takes many sizes and has no `gpu`.
    `cpu_only`: it runs on the CPU on every platform, since it is small and is given pictures of any size.
    """

    max_batch_size: Annotated[int, Field(ge=1, le=64)]
    preferred_batch_sizes: tuple[int, ...]
    max_queue_delay_us: Annotated[int, Field(ge=0, le=1_000_000)]
    warmup: tuple[int, int] | None = None
    cpu_only: bool = False

    @model_validator(mode="after")
    def _preferred_sizes_fit(self) -> Self:
        if any(size < 1 or size > self.max_batch_size for size in self.preferred_batch_sizes):
            raise ValueError(f"preferred_batch_sizes have to lie in 1..{self.max_batch_size}")
        return self

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The numbers of rows that a network on a GPU is given, from 1 to the largest."""
        return tuple(sorted({1, *self.preferred_batch_sizes, self.max_batch_size}))


class Gpu(Entry):
    """The shapes and the memory of a model on a GPU, which has run all of these shapes before the first request.

    `sizes`: the heights and widths of pictures that clients send, for a model that would take any. `memory_mib`: what one run needs at most
    for its activations, in MiB: with the largest batch of the largest size. `returns_memory`: Triton's own backend returns that memory
    after each run, which takes time; so for networks whose runs are long. The Python backend does it for every model, after idle seconds.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    memory_mib: Annotated[int, Field(ge=1)]
    returns_memory: bool = False
