from pathlib import Path

from services.inference.worker.work_folder import work_folder


def test_a_worker_removes_what_dead_workers_left_and_spares_the_living(tmp_path: Path) -> None:
    parent = tmp_path / "work"
    (parent / "dead").mkdir(parents=True)
    (parent / "dead" / "input").write_bytes(b"left behind")
    with work_folder(parent, "first") as first:
        assert not (parent / "dead").exists()
        (first / "input").write_bytes(b"in use")
        with work_folder(parent, "second") as second:
            assert (first / "input").read_bytes() == b"in use"
            assert second.stat().st_mode & 0o777 == 0o700
        assert not second.exists()
    assert list(parent.iterdir()) == []
