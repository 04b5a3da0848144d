"""Every file that Deskhand keeps, damaged in turn: a start and the commands go on, or say in a line what to do."""

import shutil

import pytest

from deskhand.app import settings

KEPT = ["grants.json", "skills.json", "secrets.json", "audit.jsonl", ".undo", "clock", "deskhand", "mcp", "window.lock",
        "skills", "trash"]  # fmt: skip
DAMAGE = {"bytes": b"\x00\xff{["}


def damage(path, how):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "a folder":
        path.mkdir()
        (path / "x").write_text("")
    elif how == "a loop":
        path.symlink_to(path)
    else:
        path.write_bytes(DAMAGE[how])


@pytest.mark.parametrize("how", [*DAMAGE, "a folder", "a loop"])
def test_each_kept_file_in_turn(deskhand, script, own_folders, how):
    engine = script([{"text": "ok"}])
    assert deskhand("ask", "--engine", engine, "hi").code == 0
    data = own_folders / "data" / "deskhand"
    whole = own_folders / "whole"
    shutil.copytree(data, whole)
    files = [*(data / name for name in KEPT), own_folders / "config" / "deskhand" / "mcp.json",
             own_folders / "state" / "deskhand"]  # fmt: skip
    for file in files:
        damage(file, how)
        done = deskhand("ask", "--engine", engine, "hi")
        assert done.code in {0, 1}
        assert done.code == 0 or done.err.strip(), file
        assert "details are in" not in done.err, (file, done.err)
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()
        shutil.rmtree(data)
        shutil.copytree(whole, data)
    assert settings.data_folder() == data
