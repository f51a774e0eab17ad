"""Which requests of one call may run together."""

from collections.abc import Iterator, Sequence


def plan_batches(shapes: Sequence[tuple[int, ...]], limit: int) -> Iterator[list[int]]:
    """Splits requests into batches: lists of indices into `shapes`, each index once.

    `shapes` are the requests' tensor shapes, batch dimension first. A batch holds requests that agree in every other dimension, at most
    `limit` rows in total, in order of arrival; a request that is larger than that runs alone. Batches follow the order in which their first
    request arrived.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, shape in enumerate(shapes):
        groups.setdefault(shape[1:], []).append(index)
    batches = [batch for group in groups.values() for batch in _split(group, shapes, limit)]
    yield from sorted(batches)


def _split(group: list[int], shapes: Sequence[tuple[int, ...]], limit: int) -> Iterator[list[int]]:
    batch: list[int] = []
    rows = 0
    for index in group:
        if batch and rows + shapes[index][0] > limit:
            yield batch
            batch, rows = [], 0
        batch.append(index)
        rows += shapes[index][0]
    yield batch


def plan_runs(rows: int, sizes: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Splits the rows of a batch into runs: how many rows each takes, and the number, one of `sizes`, that it is padded to.

    `sizes` ascend from 1; none over `limit` is used.
    """
    allowed = [size for size in sizes if size <= limit]
    while rows:
        taken = min(rows, allowed[-1])
        yield taken, next(size for size in allowed if size >= taken)
        rows -= taken
