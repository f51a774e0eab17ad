from pathlib import Path

from deploy.local.scratch.resources import new_folder


def test_a_scratch_stack_is_in_memory_only_where_there_is_plenty(tmp_path: Path) -> None:
    inside, elsewhere = new_folder(tmp_path, room=0), new_folder(tmp_path, room=1 << 60)
    nowhere = new_folder(tmp_path / "missing", room=0)
    assert inside.parent == tmp_path
    assert tmp_path not in (elsewhere.parent, nowhere.parent)
    assert [folder.stat().st_mode & 0o777 for folder in (inside, elsewhere, nowhere)] == [0o700] * 3
    for folder in (elsewhere, nowhere):
        folder.rmdir()
