"""How long a task will take once it runs, where that is known and worth telling, and the refusal of what would take too long."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.operations.v1 import operation_pb2
from services.pictures.geometry import Size
from services.pictures.operations import Arity, parameters_of, spec_of
from services.pictures.processing_time import LASTING, Rates, fitting_way, in_words, ways_of, worth_telling
from services.pictures.result_size import resolve_percentages, result_size
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.order.workforce import Workforce
from services.tasks.domain.plan import frames_of
from services.tasks.model.media import InputFile


class Forecast:
    """Knows how fast the workers are that report it. `limit`: seconds that an operation may take for a picture; `longest`: those that all
    operations may take for all pictures of a task."""

    def __init__(self, workforce: Workforce, limit: float, longest: float) -> None:
        self._workforce, self._limit, self._longest = workforce, limit, longest

    def seconds(
        self, operations: Sequence[operation_pb2.Operation], files: Sequence[InputFile], fields: Sequence[str], lane: str
    ) -> int | None:
        """For all files and their frames; None if it is not known, or too short to matter. `fields` names, for each file, the request field
        to blame.

        Raises MEDIA_LIMIT_EXCEEDED if an operation would take too long for a picture, or all of them for all pictures that are there.
        """
        if not any(isinstance(parameters_of(operation), LASTING) for operation in operations):
            return None
        rates = self._workforce.rates(lane)
        if not rates or spec_of(operations[0]).arity is not Arity.EACH:
            return None
        total, moving, known = 0.0, False, dict[Size, float]()
        for file, field in zip(files, fields, strict=True):
            if file.image_size is None:
                return None
            if file.image_size not in known:
                known[file.image_size] = self._of_picture(operations, file, file.image_size, field, rates)
            frames = frames_of(operations, file)
            total, moving = total + known[file.image_size] * frames, moving or frames > 1
        if total > self._longest and all(file.id for file in files):
            field = fields[0].partition("[")[0]
            subject = f"these {len(files)} {'files' if moving else 'pictures'}" if len(files) > 1 else "the frames of this file"
            advice = "Create several tasks." if len(files) > 1 else "Shorten it, or make it smaller before."
            message = f"{field}: {subject} would take {in_words(total)} in one task, which may take {in_words(self._longest)}"
            raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, f"{message} (DARKROOM_ATTEMPT_TIMEOUT). {advice}", field=field)
        return worth_telling(total)

    def _of_picture(self, operations: Sequence[operation_pb2.Operation], file: InputFile, stored: Size, field: str, rates: Rates) -> float:
        refusal: DarkroomError | None = None
        # Which of the two is the width depends on an orientation tag that only the worker reads.
        for size in (stored, stored[::-1]):
            try:
                return self._of_operations(operations, size, rates)
            except DarkroomError as error:
                refusal = refusal or error
        assert refusal is not None
        if refusal.reason is not ErrorReason.MEDIA_LIMIT_EXCEEDED:
            # A size that the worker refuses.
            return 0.0
        raise DarkroomError(
            refusal.reason, f"{field}: {refusal.message}", field=field, allowed=refusal.allowed, metadata={"file_id": str(file.id)}
        )

    def _of_operations(self, operations: Sequence[operation_pb2.Operation], original: Size, rates: Rates) -> float:
        total, size = 0.0, original
        for operation in operations:
            parameters = resolve_percentages(parameters_of(operation), original)
            if ways := ways_of(parameters, *size):
                total += fitting_way(ways, rates, self._limit, *size).seconds(rates)
            if spec_of(operation).trims(parameters):
                # Only the worker knows how much is cut off.
                break
            size = result_size(parameters, *size)
        return total
