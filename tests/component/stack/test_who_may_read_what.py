"""What the processes of a running stack know and show."""

from __future__ import annotations

import json

import psutil

from deploy.local.processes import find_processes
from tests.stacks import StackUnderTest


def test_only_files_knows_the_object_storage(stack: StackUnderTest) -> None:
    secret = stack.stack.config.credentials.s3_secret_key
    knowing = {
        part for part in stack.stack.programs if any(secret in value for value in psutil.Process(stack.pid(part)).environ().values())
    }
    assert knowing == {"s3", "files"}


def test_no_argument_of_a_process_is_a_secret(stack: StackUnderTest) -> None:
    layout = stack.stack.config.layout
    secrets = _texts(json.loads(layout.secrets_file.read_text()))
    assert len(secrets) > 5
    for process in find_processes(layout):
        try:
            words = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        assert not [secret for secret in secrets if secret in words], words


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [str(value)]
