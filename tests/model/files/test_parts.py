"""Models of several files: found, measured and loaded as one, also where the first holds keys only (report 3)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import gguf
import pytest

from deskhand.model.errors import BundleError
from deskhand.model.files.bundle import describe, open_bundle
from deskhand.model.files.fingerprint import fingerprint
from deskhand.model.files.header import part_paths, read_header, read_model
from deskhand.model.files.memory import plan
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.tiny.bundle import cached_bundle

PROMPT = [Control("<bos><|turn>user\n"), Plain("open the window"), Control("<turn|>\n<|turn>model\n")]


def split(source: Path, folder: Path, *, keys_alone: bool, name: str = "model") -> Path:
    """Write a model as several files, as llama.cpp's gguf-split does; gives the first."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(source)
    (architecture,) = (reader.fields["general.architecture"].contents(),)
    count = len(reader.tensors)
    writer = gguf.GGUFWriter(
        folder / f"{name}.gguf", architecture, split_max_tensors=count // 2, small_first_shard=keys_alone
    )
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return min(folder.glob("*.gguf"))


@pytest.fixture(params=[True, False], ids=["keys alone", "with tensors"])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return split(cached_bundle().main, tmp_path / "split", keys_alone=request.param)


def test_a_folder_of_parts_is_one_model(first: Path) -> None:
    whole = describe(open_bundle(cached_bundle().main))
    for named in (first, first.parent):
        bundle = open_bundle(named)
        assert bundle.main == first
        facts = describe(bundle)
        assert (facts.parameters, facts.architecture, facts.name) == (
            whole.parameters,
            whole.architecture,
            whole.name,
        )
        assert facts.bytes == sum(path.stat().st_size for path in first.parent.iterdir())


def test_parts_fit_their_projector_and_are_weighed_whole(first: Path, kit) -> None:
    shutil.copy(cached_bundle().mmproj, first.parent)
    bundle = open_bundle(first.parent)
    assert bundle.mmproj is not None
    single = kit.tiny_config()
    assert plan(single.model_copy(update={"main": first})).weights == plan(single).weights


def test_llama_cpp_loads_parts_and_writes_the_same(first: Path, open_session, kit) -> None:
    expected = kit.run(open_session(), PROMPT, max_tokens=12).text
    assert kit.run(open_session(main=first), PROMPT, max_tokens=12).text == expected


def test_a_change_in_any_part_is_another_model(first: Path) -> None:
    before = fingerprint([first])
    last = part_paths(first)[-1]
    tensor = read_header(last).tensors[-1]
    with last.open("r+b") as file:
        file.seek(tensor.offset + tensor.size // 2)
        file.write(b"\x55\xaa")
    assert fingerprint([first]) != before


def test_a_missing_part_is_named(first: Path) -> None:
    last = part_paths(first)[-1]
    last.unlink()
    with pytest.raises(BundleError, match=rf"missing: put {last.name} beside it"):
        open_bundle(first.parent)


def test_a_renamed_first_part_is_told_its_name(first: Path) -> None:
    renamed = first.rename(first.with_name("mine.gguf"))
    with pytest.raises(BundleError, match=r"rename it to end in -00001-of-0000\d\.gguf"):
        open_bundle(renamed)


def test_a_later_part_alone_is_no_model(first: Path) -> None:
    with pytest.raises(BundleError, match="only a part of a model: name the folder"):
        open_bundle(part_paths(first)[-1])


def test_parts_of_another_model_are_refused(first: Path, tmp_path: Path) -> None:
    last = part_paths(first)[-1]
    shutil.copy(part_paths(first)[1] if len(part_paths(first)) > 2 else first, last)
    with pytest.raises(BundleError, match="download"):
        open_bundle(first)


def test_a_model_of_one_file_is_itself() -> None:
    main = cached_bundle().main
    assert part_paths(main) == (main,)
    assert read_model(main) == replace(read_header(main))
