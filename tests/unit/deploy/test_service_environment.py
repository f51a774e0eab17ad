"""What each service of a stack is told, and what it is not."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from deploy.local.assembly import create_stack
from deploy.local.layout import Layout
from deploy.local.programs.services import service_environment
from deploy.local.supervisor import inherited_environment
from deploy.service_settings import settings_classes
from edge.topology import DATABASES, SERVICES


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("stack")
    lines = ("DARKROOM_OPENAI_API_KEY=sk-1", "DARKROOM_LOG_LEVEL=debug", "DARKROOM_CREDITS=enforced", "DARKROOM_SURFACES=", "")
    (folder / "settings.env").write_text("\n".join(lines))
    stack = create_stack(folder, port=0)
    return {service: service_environment(stack.config, service) for service in SERVICES}


@pytest.mark.parametrize(
    ("setting", "readers"),
    [
        ("S3_ACCESS_KEY", {"files"}),
        ("S3_SECRET_KEY", {"files"}),
        ("S3_ENDPOINT", {"files"}),
        ("TRITON_ADDRESS", {"inference"}),
        ("WORK_DIR", {"inference"}),
        ("OPENAI_API_KEY", {"inference"}),
        ("CREDITS", {"tasks"}),
        ("ACCOUNTS_ADDRESS", {"gateway", "inference"}),
        ("WEBHOOK_SECRETS_KEY_FILE", {"tasks"}),
        ("DATABASE_URL", set(DATABASES)),
        ("SIGNING_KEY_FILE", set(SERVICES)),
        ("LOG_LEVEL", set(SERVICES)),
        ("WEBHOOK_ALLOW_LOOPBACK", {"tasks"}),
        ("SURFACES", {"accounts", "files", "gateway", "tasks"}),
    ],
)
def test_a_setting_is_given_to_the_services_that_read_it(environments: dict[str, dict[str, str]], setting: str, readers: set[str]) -> None:
    assert {service for service, environment in environments.items() if f"DARKROOM_{setting}" in environment} == readers


def test_a_service_has_its_own_key_and_database(environments: dict[str, dict[str, str]]) -> None:
    for service, environment in environments.items():
        assert environment["DARKROOM_SIGNING_KEY_FILE"].endswith(f"/{service}.pem")
    urls = [environments[service]["DARKROOM_DATABASE_URL"] for service in DATABASES]
    assert len({url.partition("@")[0] for url in urls}) == len(DATABASES)


@pytest.mark.parametrize("service", SERVICES)
def test_all_problems_of_a_services_settings_can_be_told_at_once(service: str) -> None:
    classes = settings_classes(service)
    # It would not run while any field is invalid.
    assert [one for one in classes if one.__pydantic_decorators__.model_validators] == []
    module = import_module(f"services.{service}.__main__")
    surfaces = {one for one in classes if ".surfaces." in one.__module__ and one.__module__.endswith(".settings")}
    assert surfaces <= set(module.service.surface_settings())


def test_a_file_that_the_operator_names_takes_the_place_of_the_stacks_value(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("DARKROOM_OPENAI_API_KEY_FILE=/keys/openai\nDARKROOM_S3_SECRET_KEY_FILE=/keys/s3\n")
    config = create_stack(tmp_path, port=0).config
    assert service_environment(config, "inference")["DARKROOM_OPENAI_API_KEY_FILE"] == "/keys/openai"
    files = service_environment(config, "files")
    assert (files.get("DARKROOM_S3_SECRET_KEY"), files["DARKROOM_S3_SECRET_KEY_FILE"]) == (None, "/keys/s3")
    assert "DARKROOM_S3_SECRET_KEY_FILE" not in service_environment(config, "tasks")


def test_the_shell_of_up_keeps_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "LC_ALL", "CUDA_VISIBLE_DEVICES", "https_proxy", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.setenv(name, "kept")
    for name in ("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "DARKROOM_LOG_LEVEL", "PGPASSWORD", "PYTHONPATH"):
        monkeypatch.setenv(name, "dropped")
    inherited = inherited_environment(Layout.at(tmp_path))
    assert {name for name, value in inherited.items() if value == "kept"} >= {"PATH", "CUDA_VISIBLE_DEVICES", "https_proxy"}
    assert "dropped" not in inherited.values()
    assert inherited["DARKROOM_STACK"] == str(tmp_path)
