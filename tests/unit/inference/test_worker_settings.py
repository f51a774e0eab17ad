from pathlib import Path

import pytest
from pydantic import ValidationError

from services.inference.config import InferenceSettings
from services.pictures.operations import lanes

REQUIRED = {
    "internal_listen": "unix:/tmp/x",
    "nats_url": "nats://localhost",
    "signing_key_file": Path("key.pem"),
    "trusted_keys_file": Path("keys.json"),
    "tasks_address": "unix:/tmp/tasks",
    "files_address": "unix:/tmp/files",
    "triton_address": "localhost:8001",
}


def test_lanes_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_LANES", "neural=2, system")
    assert InferenceSettings(**REQUIRED).lanes == {"neural": 2, "system": 1}


def test_a_worker_takes_all_lanes_by_default() -> None:
    assert sorted(InferenceSettings(**REQUIRED).lanes) == lanes()


@pytest.mark.parametrize(
    ("value", "says"), [("neural=1,gpu=2", "no lane gpu"), ("neural=0", "leave out"), ("", "no lane named"), ("neural=x", "integer")]
)
def test_a_wrong_lane_is_refused_and_says_why(monkeypatch: pytest.MonkeyPatch, value: str, says: str) -> None:
    monkeypatch.setenv("DARKROOM_LANES", value)
    with pytest.raises(ValidationError, match=says):
        InferenceSettings(**REQUIRED)


def test_standby_lanes_are_some_of_its_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_LANES", "neural=2,pages=1,system=1")
    assert InferenceSettings(**REQUIRED).standby_lanes == ()
    monkeypatch.setenv("DARKROOM_STANDBY_LANES", "neural, pages")
    assert InferenceSettings(**REQUIRED).standby_lanes == ("neural", "pages")
    monkeypatch.setenv("DARKROOM_STANDBY_LANES", "neural,picture")
    with pytest.raises(ValidationError, match="names picture, which DARKROOM_LANES does not"):
        InferenceSettings(**REQUIRED)


def test_a_worker_has_a_user_of_nats_or_has_joined(tmp_path: Path) -> None:
    without = {name: value for name, value in REQUIRED.items() if name != "nats_url"}
    with pytest.raises(ValidationError, match="DARKROOM_NATS_URL is required without DARKROOM_MEMBERSHIP_DIR"):
        InferenceSettings(**without)
    assert InferenceSettings(**without, membership_dir=tmp_path, accounts_address="unix:/tmp/accounts").nats_url == ""


def test_a_worker_has_no_public_listener() -> None:
    assert "listen" not in InferenceSettings.model_fields
