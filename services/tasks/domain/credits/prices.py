"""The price list: the list prices of the protos, overridden by the operator's own prices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.pictures.moving import pictures_of_frames
from services.pictures.operations import spec_of, specs
from services.tasks.domain.credits.amounts import MILLI, millicredits_of
from services.tasks.domain.plan import Flow, flows_of, frames_of
from services.tasks.model.media import InputFile
from services.tasks.model.records import Balance


class PriceBasis(StrEnum):
    """The subject of a price, as in `darkroom.operations.v1`."""

    FILE = "file"
    PAGE = "page"
    OUTPUT = "output"


class Price(BaseModel):
    """The price of one operation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    credits: Decimal = Field(ge=0, le=10_000, decimal_places=3)
    per: PriceBasis


_BASES = {
    options_pb2.PRICE_BASIS_UNSPECIFIED: PriceBasis.FILE,
    options_pb2.PRICE_BASIS_PAGE: PriceBasis.PAGE,
    options_pb2.PRICE_BASIS_OUTPUT: PriceBasis.OUTPUT,
}
_FILE_CONTENT = TypeAdapter(dict[str, Price])


class PriceList:
    """A price for every operation."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices

    def price_of(self, operations: Sequence[operation_pb2.Operation], files: Sequence[InputFile]) -> int:
        """Thousandths of a credit for all operations on all files."""
        flows = flows_of(operations, len(files))
        pages = sum(1 if file.pages is None else file.pages for file in files)
        pictures = sum(pictures_of_frames(frames_of(operations, file)) for file in files)
        total = 0
        for operation, flow in zip(operations, flows, strict=True):
            price = self._prices[spec_of(operation).name]
            # Documents keep their pages from operation to operation, and videos their frames; files not derived from the inputs have one.
            counted = (pictures, pages) if flow.inputs == len(files) else (flow.inputs, flow.inputs)
            total += millicredits_of(price.credits) * _count(price.per, flow, *counted)
        return total


@dataclass(frozen=True, slots=True)
class Estimate:
    """A price in thousandths of a credit, with the current terms and balance."""

    list_price_millicredits: int
    balance: Balance
    seconds: int | None = None
    """How long the task would take once it runs; None if that is not known, or too short to matter."""

    @property
    def price_millicredits(self) -> int:
        """Rounded down, as a creation does."""
        return self.list_price_millicredits * self.balance.terms.multiplier_permille // MILLI

    @property
    def is_covered(self) -> bool:
        """Whether a task at this price would be accepted now."""
        return self.balance.terms.unlimited or self.price_millicredits <= self.balance.available_millicredits


def _count(basis: PriceBasis, flow: Flow, pictures: int, pages: int) -> int:
    match basis:
        case PriceBasis.FILE:
            return pictures
        case PriceBasis.PAGE:
            return pages
        case PriceBasis.OUTPUT:
            return flow.outputs


def read_prices(own: Path | None) -> PriceList:
    """The list prices, replaced where the file `own` gives another.

    Raises ValueError that says what is wrong: a file that cannot be read or is not TOML, an unknown operation, a price that is negative,
    has more than three decimals or is over 10,000 credits, an unknown basis.
    """
    prices = {name: Price(credits=Decimal(spec.millicredits) / MILLI, per=_BASES[spec.price_basis]) for name, spec in specs().items()}
    if own is not None:
        changed = _read(own)
        if unknown := sorted(set(changed) - set(prices)):
            raise ValueError(f"{own}: no such operation: {', '.join(unknown)}; there are {', '.join(sorted(prices))}")
        prices |= changed
    return PriceList(prices)


def _read(path: Path) -> dict[str, Price]:
    try:
        # Decimals, since a binary fraction would differ from the written price.
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return _FILE_CONTENT.validate_python(content)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise ValueError(f"{path}: {'; '.join(problems)}") from None
    except ValueError as error:  # Not TOML, or not UTF-8.
        raise ValueError(f"{path}: {error}") from None
