"""Closed-form matting at the model's size: what it must keep, and what it must find."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from darkroom.operations.v1.remove_background_pb2 import SUBJECT_GENERAL, SUBJECT_PORTRAIT, SUBJECT_PRODUCT, SUBJECT_UNSPECIFIED
from services.inference.matting.edge_solving import solve_edges
from services.inference.matting.tuning import PORTRAIT, PRODUCT, Tuning, of_subject
from tests.unit.imaging.pictures import blend, blob, brown, hair, two_colours

SIDE = 256


def nothing() -> None:
    """A check that never cancels."""


def test_hair_that_the_model_smears_is_found_by_its_colour() -> None:
    alpha = hair(SIDE, SIDE)
    picture = blend(brown(SIDE, SIDE), two_colours(SIDE, SIDE), alpha)
    smeared = np.round(cv2.GaussianBlur(alpha, (0, 0), 3) * 255).astype(np.uint8)
    solved = solve_edges(smeared, picture, PORTRAIT, nothing)
    before, after = (np.abs(each / 255.0 - alpha).mean() for each in (smeared, solved))
    assert after < 0.8 * before


def test_hair_is_found_in_a_gray_picture() -> None:
    alpha = hair(SIDE, SIDE)
    ramp = np.repeat(np.linspace(0.5, 0.9, SIDE, dtype=np.float32)[None, :, None], SIDE, axis=0)
    picture = blend(np.full((SIDE, SIDE, 3), 0.1, np.float32), np.dstack([ramp] * 3), alpha)
    smeared = np.round(cv2.GaussianBlur(alpha, (0, 0), 3) * 255).astype(np.uint8)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        solved = solve_edges(smeared, picture, PORTRAIT, nothing)
    before, after = (np.abs(each / 255.0 - alpha).mean() for each in (smeared, solved))
    assert after < 0.8 * before


@pytest.mark.parametrize("tuning", [PORTRAIT, PRODUCT])
def test_a_true_outline_stays_on_any_background(tuning: Tuning) -> None:
    alpha = blob(SIDE, SIDE)
    noise = np.random.default_rng(3).random((SIDE, SIDE, 3), np.float32)
    picture = blend(brown(SIDE, SIDE), noise, alpha)
    coarse = np.round(alpha * 255).astype(np.uint8)
    solved = solve_edges(coarse, picture, tuning, nothing)
    assert np.abs(solved.astype(int) - coarse).mean() < 2


@pytest.mark.parametrize("level", [0, 255])
def test_what_is_sure_is_left_alone(level: int) -> None:
    coarse = np.full((SIDE, SIDE), level, np.uint8)
    assert np.array_equal(solve_edges(coarse, np.zeros((SIDE, SIDE, 3), np.uint8), PORTRAIT, nothing), coarse)


def test_a_plain_picture_keeps_the_models_alpha() -> None:
    coarse = np.round(cv2.GaussianBlur(blob(SIDE, SIDE), (0, 0), 4) * 255).astype(np.uint8)
    solved = solve_edges(coarse, np.full((SIDE, SIDE, 3), 120, np.uint8), PRODUCT, nothing)
    assert np.abs(solved.astype(int) - coarse).mean() < 3


def test_hair_is_found_better_for_a_portrait_than_for_a_product() -> None:
    alpha = hair(SIDE, SIDE)
    picture = blend(brown(SIDE, SIDE), two_colours(SIDE, SIDE), alpha)
    smeared = np.round(cv2.GaussianBlur(alpha, (0, 0), 3) * 255).astype(np.uint8)
    portrait, product = (
        np.abs(solve_edges(smeared, picture, of_subject(subject), nothing) / 255.0 - alpha).mean()
        for subject in (SUBJECT_PORTRAIT, SUBJECT_PRODUCT)
    )
    assert portrait < 0.8 * product


def test_an_outline_is_kept_better_for_a_product_than_for_a_portrait() -> None:
    # Between stripes, some of the subject's own colour, as on a table of its wood.
    alpha = blob(SIDE, SIDE)
    stripes = np.where((np.arange(SIDE) // 6 % 2)[None, :, None] == 0, brown(SIDE, SIDE), two_colours(SIDE, SIDE)).astype(np.float32)
    picture = blend(brown(SIDE, SIDE), stripes, alpha)
    smeared = np.round(cv2.GaussianBlur(alpha, (0, 0), 4) * 255).astype(np.uint8)
    portrait, product = (
        np.abs(solve_edges(smeared, picture, of_subject(subject), nothing) / 255.0 - alpha).mean()
        for subject in (SUBJECT_PORTRAIT, SUBJECT_PRODUCT)
    )
    assert product < 0.8 * portrait


def test_any_other_subject_is_as_a_portrait() -> None:
    assert of_subject(SUBJECT_GENERAL) == of_subject(SUBJECT_UNSPECIFIED) == of_subject(SUBJECT_PORTRAIT)
