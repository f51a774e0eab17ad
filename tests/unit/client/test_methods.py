"""The methods that are made from the protos, and those without `await`."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from darkroom import AsyncClient, Client, InvalidRequest, operations
from darkroom.blocking import LoopThread
from darkroom.operations.v1 import operation_pb2, options_pb2, placement_pb2, remove_watermark_pb2
from protos.sdk import operations as generator
from reference.comments import Comments

OPERATIONS = {field.name: field.message_type for field in operation_pb2.Operation.DESCRIPTOR.fields if field.message_type is not None}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_a_method_with_its_options(name: str) -> None:
    made = [field.name for field in OPERATIONS[name].fields]
    # What runs an operation takes the file whose id it needs.
    run = [re.sub("_file_id$", "_picture", option) for option in made]
    for function, options in ((getattr(Client, name), run), (getattr(AsyncClient, name), run), (getattr(operations, name), made)):
        parameters = inspect.signature(function).parameters
        assert [option for option in options if parameters[option].kind is inspect.Parameter.KEYWORD_ONLY] == options
        for option in options:
            assert f"{option}: " in (function.__doc__ or "")


def test_both_clients_have_the_same_methods() -> None:
    _same_methods(AsyncClient, Client)


@pytest.mark.parametrize("part", ["batches", "keys", "library", "webhooks"])
def test_both_clients_have_the_same_parts(part: str) -> None:
    from darkroom import batches, keys, library, synchronous, webhooks

    modules: dict[str, ModuleType] = {"batches": batches, "keys": keys, "library": library, "webhooks": webhooks}
    _same_methods(getattr(modules[part], part.title()), getattr(synchronous, part.title()))
    assert part in dir(Client)


def _same_methods(core: type, blocking: type) -> None:
    for name, method in inspect.getmembers(core, inspect.isfunction):
        if name.startswith("_"):
            continue
        twin = getattr(blocking, name)
        assert not inspect.iscoroutinefunction(twin), name
        assert not inspect.isasyncgenfunction(twin), name
        assert list(inspect.signature(twin).parameters.values()) == list(inspect.signature(method).parameters.values()), name
        if name != "close":
            assert inspect.getdoc(twin) == inspect.getdoc(method), name


def test_an_operation_that_is_added_to_the_protos_has_its_method() -> None:
    pool = descriptor_pool.DescriptorPool()
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="darkroom/operations/v1/sharpen.proto", package="new", syntax="proto3")
    enum = file.enum_type.add(name="SharpenKernel")
    for number, value in enumerate(("UNSPECIFIED", "UNSHARP_MASK", "DECONVOLUTION")):
        enum.value.add(name=f"SHARPEN_KERNEL_{value}", number=number)
    point = file.message_type.add(name="Point")
    for number, name in enumerate("xy", start=1):
        point.field.add(name=name, number=number, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    sharpen = file.message_type.add(name="Sharpen")
    sharpen.options.Extensions[options_pb2.operation].accepts = options_pb2.MEDIA_KIND_IMAGE
    sharpen.field.add(name="amount", number=1, type=kinds.TYPE_UINT32, label=kinds.LABEL_OPTIONAL)
    sharpen.field.add(name="kernels", number=2, type=kinds.TYPE_ENUM, type_name=".new.SharpenKernel", label=kinds.LABEL_REPEATED)
    sharpen.field.add(name="centre", number=3, type=kinds.TYPE_MESSAGE, type_name=".new.Point", label=kinds.LABEL_OPTIONAL)
    file.message_type.add(name="Operation").field.add(
        name="sharpen", number=1, type=kinds.TYPE_MESSAGE, type_name=".new.Sharpen", label=kinds.LABEL_OPTIONAL
    )
    pool.Add(file)
    found = generator.read_operations(Comments(), pool.FindMessageTypeByName("new.Operation"))
    methods = generator.methods_module(found)
    assert "async def sharpen(" in methods
    for parameter in (
        "source: Input, ",
        "*more: Input, ",
        "amount: int = 0, ",
        "kernels: Sequence[Literal['unsharp_mask', 'deconvolution']] = (), ",
        "centre: sharpen_pb2.Point | tuple[float, float] | None = None, ",
    ):
        assert parameter in " ".join(methods.split())
    compile(methods, "operation_methods", "exec")
    compile(generator.operations_module(found), "operations", "exec")


def test_options_are_given_in_python_s_words() -> None:
    made = operations.remove_background(subject="product", quality="fast", trim=True).remove_background
    assert (made.subject, made.quality, made.trim) == (2, 2, True)
    assert operations.upscale().upscale.factor == 0
    placed = operations.resize(width=9, fit="canvas", position="top_left").resize
    assert (placed.fit, placed.position) == (placement_pb2.FIT_CANVAS, placement_pb2.POSITION_TOP_LEFT)
    assert operations.upscale(resize=placed).upscale.resize == placed
    assert not operations.convert(format="webp").convert.HasField("lossless")
    assert operations.convert(lossless=False).convert.HasField("lossless")
    assert operations.crop(area=(1, 2, 3, 4)).crop.area.height == 4
    box = remove_watermark_pb2.PercentBox(x1=1, y1=2, x2=3, y2=4)
    assert list(operations.remove_watermark(boxes=[(1, 2, 3, 4), box]).remove_watermark.boxes) == [box, box]


def test_a_word_or_tuple_that_there_is_not_names_the_option_and_what_is_allowed() -> None:
    wrong: Any = "sculpture"
    with pytest.raises(InvalidRequest, match="sculpture") as caught:
        operations.remove_background(subject=wrong)
    assert (caught.value.field, caught.value.allowed) == ("subject", ("portrait", "product", "general"))
    short: Any = (1, 2)
    with pytest.raises(InvalidRequest, match="x1, y1, x2, y2"):
        operations.remove_watermark(boxes=[short])


class _Counter:
    """Counts up, and remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def numbers(self) -> AsyncIterator[int]:
        try:
            for number in range(1000):
                yield number
        finally:
            self.closed = True


def test_an_iteration_that_is_left_early_is_closed() -> None:
    thread, counter = LoopThread(), _Counter()
    numbers = thread.iterate(counter.numbers())
    assert [next(numbers), next(numbers)] == [0, 1]
    numbers.close()
    assert counter.closed
    thread.stop()
    thread.stop()


def test_a_callback_that_calls_its_own_client_is_told_so_instead_of_hanging() -> None:
    thread = LoopThread()

    async def calling_back() -> None:
        thread.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="callback"):
        thread.run(calling_back())
    thread.stop()


def test_a_loop_is_shared_by_threads() -> None:
    thread, seen = LoopThread(), []
    threads = [threading.Thread(target=lambda: seen.append(thread.run(asyncio.sleep(0, "done")))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen == ["done"] * 8
    thread.stop()
