"""The price list, the operator's own over it, and amounts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2, upscale_pb2
from services.tasks.config import TasksSettings
from services.tasks.domain.credits.amounts import credits_text, millicredits_of
from services.tasks.domain.credits.prices import read_prices
from services.tasks.model.media import InputFile
from services.tasks.model.records import CreditTerms

CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
UPSCALE = operation_pb2.Operation(upscale=upscale_pb2.Upscale())
CLEAN_PDF = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop())
PHOTO = InputFile(id=1, media_type="image/png", image_size=(10, 10))
PDF = InputFile(id=2, media_type="application/pdf", pages=7)
REQUIRED: dict[str, Any] = {
    "listen": "unix:/a",
    "internal_listen": "unix:/b",
    "nats_url": "nats://localhost",
    "webhook_secrets_key_file": Path(__file__).parent / "webhook-secrets",
    "database_url": "postgresql+asyncpg:///tasks",
    "signing_key_file": Path("key.pem"),
    "trusted_keys_file": Path("keys.json"),
    "files_address": "unix:/c",
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def test_default_prices_are_those_of_pilio() -> None:
    prices = read_prices(None)
    assert prices.price_of([CUT_OUT], [PHOTO]) == 10_000
    assert prices.price_of([UPSCALE], [PHOTO]) == 6_000
    assert prices.price_of([CLEAN_PDF], [PDF]) == 4_000
    assert prices.price_of([CUT_OUT, UPSCALE], [PHOTO, PHOTO]) == 32_000
    assert prices.price_of([NOOP], []) == 0


def test_pictures_are_priced_by_what_is_made_and_goes_on() -> None:
    prices = read_prices(None)
    two = operation_pb2.Operation(gpt_image_2={"prompt": "A cup", "count": 2})
    assert prices.price_of([two], []) == 10_680
    assert prices.price_of([two], [PHOTO, PHOTO, PHOTO]) == 10_680
    assert prices.price_of([two, UPSCALE], []) == 10_680 + 2 * 6_000
    assert prices.price_of([operation_pb2.Operation(nano_banana_2={"prompt": "A cup"})], [PHOTO]) == 5_340


def test_own_prices_go_over_the_defaults(own: Path) -> None:
    own.write_text('[upscale]\ncredits = 5.34\nper = "output"\n[remove_pdf_watermark]\ncredits = 0.001\nper = "page"\n')
    prices = read_prices(own)
    assert prices.price_of([UPSCALE], [PHOTO, PHOTO, PHOTO]) == 16_020
    assert prices.price_of([CLEAN_PDF], [PDF, PDF]) == 14
    assert prices.price_of([CUT_OUT], [PHOTO]) == 10_000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[upscael]\ncredits = 1\nper = "file"', "no such operation: upscael; there are .*upscale"),
        ('[upscale]\ncredits = -1\nper = "file"', "upscale.credits: .*greater than or equal to 0"),
        ('[upscale]\ncredits = 1.0005\nper = "file"', "upscale.credits: .*3 decimal places"),
        ('[upscale]\ncredits = 10001\nper = "file"', "upscale.credits: .*10000"),
        ('[upscale]\ncredits = nan\nper = "file"', "upscale.credits: .*finite"),
        ('[upscale]\ncredits = "much"\nper = "file"', "upscale.credits: .*decimal"),
        ('[upscale]\ncredits = 1\nper = "picture"', "upscale.per: .*'file', 'page' or 'output'"),
        ("[upscale]\ncredits = 1", "upscale.per: Field required"),
        ('[upscale]\ncredits = 1\nper = "file"\nup_to = 3', "upscale.up_to: Extra"),
        ("[upscale\ncredits = 1", "own.toml: .*line 1"),
        ("upscale = 1", "upscale: "),
    ],
)
def test_a_file_that_is_wrong_says_what_is(own: Path, content: str, complaint: str) -> None:
    own.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        read_prices(own)


def test_the_service_does_not_start_with_prices_that_are_wrong(own: Path) -> None:
    with pytest.raises(ValidationError, match=r"own\.toml: No such file"):
        TasksSettings(**REQUIRED, prices_file=own)
    own.write_bytes(b"\xff")
    with pytest.raises(ValidationError, match=r"prices_file\n.*own.toml: .*utf-8"):
        TasksSettings(**REQUIRED, prices_file=own)


def test_credit_is_unlimited_at_list_price_unless_set() -> None:
    assert TasksSettings(**REQUIRED).credit_terms == CreditTerms(unlimited=True, multiplier_permille=1000)
    settings = TasksSettings(**REQUIRED, credits="enforced", price_multiplier="0.825")
    assert settings.credit_terms == CreditTerms(unlimited=False, multiplier_permille=825)
    for wrong in ({"credits": "some"}, {"price_multiplier": "-1"}, {"price_multiplier": "0.0005"}, {"price_multiplier": "101"}):
        with pytest.raises(ValidationError):
            TasksSettings(**REQUIRED, **wrong)


@pytest.mark.parametrize(("text", "millicredits"), [("5.34", 5340), ("0.001", 1), ("10", 10_000), ("1000000000", 10**12), ("0", 0)])
def test_amounts_are_exact_both_ways(text: str, millicredits: int) -> None:
    assert millicredits_of(Decimal(text)) == millicredits
    assert credits_text(millicredits) == text
