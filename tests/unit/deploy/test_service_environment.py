"""What each service of a stack is told, and what it is not."""

from __future__ import annotations

import pytest

from deploy.local.assembly import create_stack
from deploy.local.programs.services import service_environment
from deploy.topology import DATABASES, SERVICES


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "settings.env").write_text("DARKROOM_OPENAI_API_KEY=sk-1\nDARKROOM_LOG_LEVEL=debug\nDARKROOM_CREDITS=enforced\n")
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
        ("ACCOUNTS_ADDRESS", set()),
        ("DATABASE_URL", set(DATABASES)),
        ("SIGNING_KEY_FILE", set(SERVICES)),
        ("LOG_LEVEL", set(SERVICES)),
    ],
)
def test_a_setting_is_given_to_the_services_that_read_it(environments: dict[str, dict[str, str]], setting: str, readers: set[str]) -> None:
    assert {service for service, environment in environments.items() if f"DARKROOM_{setting}" in environment} == readers


def test_a_service_has_its_own_key_and_database(environments: dict[str, dict[str, str]]) -> None:
    for service, environment in environments.items():
        assert environment["DARKROOM_SIGNING_KEY_FILE"].endswith(f"/{service}.pem")
    urls = [environments[service]["DARKROOM_DATABASE_URL"] for service in DATABASES]
    assert len({url.partition("@")[0] for url in urls}) == len(DATABASES)
