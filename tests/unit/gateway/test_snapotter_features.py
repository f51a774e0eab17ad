"""What is told of bundles."""

from __future__ import annotations

import json

from darkroom.accounts.v1 import features_service_pb2 as pb
from services.gateway.surfaces.snapotter.installation.features import FeatureMissing, bundle_fields, progress_of

OCR = pb.Bundle(id="ocr", name="OCR", estimated_size="3-4 GB", tools=["ocr"], status=pb.BUNDLE_STATUS_NOT_INSTALLED)


def bundle(**changed: object) -> pb.Bundle:
    one = pb.Bundle()
    one.CopyFrom(OCR)
    one.MergeFrom(pb.Bundle(**changed))
    return one


def test_a_tool_without_its_bundle_says_what_to_install() -> None:
    reply = FeatureMissing(OCR).response()
    assert reply.status_code == 501
    assert json.loads(bytes(reply.body)) == {
        "error": "Feature not installed",
        "code": "FEATURE_NOT_INSTALLED",
        "feature": "ocr",
        "featureName": "OCR",
        "estimatedSize": "3-4 GB",
    }


def test_progress_is_told_while_a_bundle_is_installed() -> None:
    running = bundle(status=pb.BUNDLE_STATUS_INSTALLING, percent=40, stage="Installing ppocr_det", installation=7)
    said = bundle_fields(running)
    assert (said["status"], said["progress"], said["error"]) == ("installing", {"percent": 40, "stage": "Installing ppocr_det"}, None)
    assert progress_of(7, [running]) == {"phase": "processing", "percent": 40, "stage": "Installing ppocr_det"}


def test_nothing_of_the_last_installation_is_told_once_it_is_over() -> None:
    said = bundle_fields(bundle(status=pb.BUNDLE_STATUS_INSTALLED, percent=100, installed_version="1.0.0"))
    assert (said["status"], said["progress"], said["error"], said["installedVersion"]) == ("installed", None, None, "1.0.0")


def test_the_end_of_an_installation() -> None:
    broken = bundle(status=pb.BUNDLE_STATUS_ERROR, error="no such host", installation=7)
    assert bundle_fields(broken)["error"] == "no such host"
    assert progress_of(7, [broken]) == {"phase": "failed", "percent": 100, "error": "no such host"}
    done = progress_of(7, [bundle(status=pb.BUNDLE_STATUS_INSTALLED, installation=7)])
    assert done == {"phase": "complete", "percent": 100, "result": {"bundleId": "ocr", "status": "installed"}}
    assert progress_of(6, [broken])["phase"] == "failed"
