from pathlib import Path

import pytest

from services.platform.config import ServiceSettings, StreamSettings, load
from services.tasks.surfaces.fal.settings import FalSettings


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("LISTEN", "INTERNAL_LISTEN", "NATS_URL", "SIGNING_KEY_FILE", "TRUSTED_KEYS_FILE"):
        monkeypatch.delenv(f"DARKROOM_{name}", raising=False)
    monkeypatch.setenv("DARKROOM_LOG_LEVEL", "loud")
    with pytest.raises(SystemExit) as exit_:
        load(ServiceSettings)
    told = capsys.readouterr().err
    assert exit_.value.code == 2
    assert "DARKROOM_NATS_URL: Field required (NATS with JetStream" in told
    assert "DARKROOM_SIGNING_KEY_FILE" in told
    assert "DARKROOM_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'" in told


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_LISTEN", "unix:/a")
    monkeypatch.setenv("DARKROOM_INTERNAL_LISTEN", "unix:/b")
    monkeypatch.setenv("DARKROOM_NATS_URL", "nats://c")
    monkeypatch.setenv("DARKROOM_SIGNING_KEY_FILE", "/d")
    monkeypatch.setenv("DARKROOM_TRUSTED_KEYS_FILE", "/e")
    settings = load(ServiceSettings)
    assert (settings.listen, settings.signing_key_file, settings.log_level) == ("unix:/a", Path("/d"), "info")


def test_a_folder_of_certificates_holds_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ca.crt").touch()
    monkeypatch.setenv("DARKROOM_INTERNAL_TLS_DIR", str(tmp_path))
    with pytest.raises(SystemExit):
        load(ServiceSettings)
    assert "DARKROOM_INTERNAL_TLS_DIR: Value error, holds no readable tls.crt" in capsys.readouterr().err


def test_settings_of_surfaces_are_looked_at_with_the_others(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DARKROOM_MAX_STREAMS", "none")
    monkeypatch.setenv("DARKROOM_FAL_GENERATION", "crayon")
    with pytest.raises(SystemExit):
        load(StreamSettings, FalSettings, StreamSettings)
    told = capsys.readouterr().err
    assert "StreamSettings: 2 setting(s) need attention:" in told
    assert "\n  DARKROOM_FAL_GENERATION: Input should be 'gpt_image_2' or 'nano_banana_2'" in told
