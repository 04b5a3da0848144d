"""Files that come with Deskhand are those that were measured, or are refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from deskhand.model.errors import BundleError
from deskhand.model.files.shipped import MANIFEST, open_shipped
from deskhand.model.tiny.bundle import cached_bundle


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    manifest = {}
    for path in cached_bundle().files:
        shutil.copy(path, tmp_path)
        data = path.read_bytes()
        manifest[path.name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    return tmp_path


def test_the_files_of_the_manifest_are_a_bundle(shipped):
    found = open_shipped(shipped)
    assert {path.parent for path in found.files} == {shipped}
    assert len(found.files) == 3


def test_one_changed_byte_is_refused_by_name(shipped):
    path = next(iter(sorted(shipped.glob("*.gguf"))))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=f"{path.name} is not the file that came with Deskhand"):
        open_shipped(shipped)


@pytest.mark.parametrize("manifest", ["", "[]", "null", '{"main.gguf": 3}', '{"main.gguf": {}}'])
def test_a_broken_list_is_refused(shipped, manifest):
    (shipped / MANIFEST).write_text(manifest)
    with pytest.raises(BundleError, match="install Deskhand again"):
        open_shipped(shipped)


@pytest.mark.parametrize("named", [0, 1, 2])
def test_a_file_that_is_not_in_the_list_is_refused(shipped, named):
    manifest = json.loads((shipped / MANIFEST).read_text())
    (shipped / MANIFEST).write_text(json.dumps(dict(list(manifest.items())[:named])))
    with pytest.raises(BundleError, match="did not come with Deskhand"):
        open_shipped(shipped)


def test_a_missing_file_is_refused(shipped):
    next(iter(shipped.glob("*.gguf"))).unlink()
    with pytest.raises(BundleError, match="is missing"):
        open_shipped(shipped)


def test_a_copy_without_the_model_says_so(tmp_path):
    with pytest.raises(BundleError, match="came without it"):
        open_shipped(tmp_path / "pocket")
