"""Shared memory without a model server: what is left over, and where there may be any. The rest is in tests/component/models."""

from pathlib import Path

import pytest

from services.inference.model_server.shared_memory import is_local, remove_stale


def test_regions_are_stale_when_nobody_holds_them(tmp_path: Path) -> None:
    (tmp_path / "darkroom-tensors-0").touch()
    (tmp_path / "other").touch()

    assert list(remove_stale(tmp_path)) == ["darkroom-tensors-0"]

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:8001", True),
        ("127.3.0.9:8001", True),
        ("localhost:8001", True),
        ("[::1]:8001", True),
        ("unix:/run/triton.sock", True),
        ("unix:/run/triton.sock:1", True),
        ("triton:8001", False),
        ("10.0.0.7:8001", False),
        ("[2001:db8::1]:8001", False),
    ],
)
def test_what_addresses_are_this_hosts_own(address: str, local: bool) -> None:
    assert is_local(address) is local
