"""Bundles are put together from real GGUF files, and wrong ones are refused in words."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from deskhand.model.errors import BundleError
from deskhand.model.files.bundle import Bundle, best_bundle, describe, find_bundles, open_bundle
from deskhand.model.files.header import read_header
from deskhand.model.tiny.bundle import TinySpec, cached_bundle, write_bundle

OTHER = TinySpec(hidden=160, drafter_hidden=120)
OTHER_WORDS = TinySpec(vocab=1100)


def copy(bundle: Bundle, folder: Path, *parts: str) -> Path:
    """Put some files of a bundle into a folder, under names that say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        shutil.copy(getattr(bundle, part), folder / f"{len(list(folder.iterdir()))}-{part[::-1]}.gguf")
    return folder


def other_main(path: Path, architecture: str, *, width: int = 8, kind: str = "model", piece: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.type", kind)
    writer.add_uint16("split.no", piece)
    writer.add_uint32(f"{architecture}.embedding_length", width)
    writer.add_tensor("token_embd.weight", np.ones((4, width), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_roles_are_found_by_header_and_not_by_name(tmp_path: Path) -> None:
    folder = copy(cached_bundle(), tmp_path / "b", "drafter", "mmproj", "main")
    bundle = open_bundle(folder)
    assert read_header(bundle.main).architecture == "gemma4"
    assert bundle.mmproj is not None
    assert read_header(bundle.mmproj).architecture == "clip"
    assert bundle.drafter is not None
    assert read_header(bundle.drafter).architecture == "gemma4-assistant"
    facts = describe(bundle)
    assert (facts.name, facts.architecture, facts.vocabulary) == ("Tiny Gemma 4", "gemma4", 1024)
    assert (facts.hidden, facts.context_length) == (128, 8192)
    assert facts.sees
    assert facts.hears
    assert facts.drafts
    assert facts.bytes == sum(path.stat().st_size for path in bundle.files)


def test_media_and_drafter_are_optional_and_a_single_file_will_do(tmp_path: Path) -> None:
    tiny = cached_bundle()
    only = open_bundle(copy(tiny, tmp_path / "only", "main"))
    assert (only.mmproj, only.drafter) == (None, None)
    assert not describe(only).sees
    assert open_bundle(tiny.main) == Bundle(tiny.main)
    assert open_bundle(copy(tiny, tmp_path / "media", "main", "mmproj")).drafter is None


def test_the_files_may_lie_one_folder_deeper(tmp_path: Path) -> None:
    copy(cached_bundle(), tmp_path / "a" / "b", "main", "mmproj", "drafter")
    assert open_bundle(tmp_path / "a").drafter is not None


def test_parts_of_another_model_are_refused(tmp_path: Path) -> None:
    tiny, other, words = cached_bundle(), cached_bundle(OTHER), cached_bundle(OTHER_WORDS)
    media = copy(other, copy(tiny, tmp_path / "media", "main"), "mmproj")
    with pytest.raises(BundleError, match=r"belongs to another model .*160 against 128 wide.*get the mmproj"):
        open_bundle(media)
    drafter = copy(other, copy(tiny, tmp_path / "drafter", "main"), "drafter")
    with pytest.raises(BundleError, match=r"drafts for another model .*160 against 128 wide"):
        open_bundle(drafter)
    vocabulary = copy(words, copy(tiny, tmp_path / "words", "main"), "drafter")
    with pytest.raises(BundleError, match=r"knows 1100 tokens and .* 1024"):
        open_bundle(vocabulary)
    with pytest.raises(BundleError, match="belongs to another model"):
        describe(replace(tiny, mmproj=other.mmproj))


def test_the_one_that_fits_is_taken_among_several(tmp_path: Path) -> None:
    tiny, other = cached_bundle(), cached_bundle(OTHER)
    folder = copy(other, copy(tiny, tmp_path / "both", "main", "mmproj", "drafter"), "mmproj", "drafter")
    bundle = open_bundle(folder)
    assert bundle.mmproj is not None
    assert read_header(bundle.mmproj).number("clip.vision.projection_dim") == 128
    assert describe(bundle).drafts


def test_gemma_wins_over_a_bigger_model_and_then_the_bigger_one(tmp_path: Path) -> None:
    folder = copy(cached_bundle(), tmp_path / "several", "main")
    other_main(folder / "big.gguf", "qwen2", width=1_000_000)
    assert read_header(open_bundle(folder).main).architecture == "gemma4"
    other_main(tmp_path / "two" / "a.gguf", "qwen2")
    other_main(tmp_path / "two" / "b.gguf", "llama", width=16)
    assert open_bundle(tmp_path / "two").main.name == "b.gguf"


def test_gemma_parts_beside_another_model_are_refused(tmp_path: Path) -> None:
    folder = copy(cached_bundle(), tmp_path / "qwen", "drafter")
    other_main(folder / "qwen.gguf", "qwen2", width=128)
    with pytest.raises(BundleError, match="is a gemma4-assistant, which does not go with"):
        open_bundle(folder)


def test_a_foreign_projector_is_refused(tmp_path: Path) -> None:
    folder = copy(cached_bundle(), tmp_path / "b", "main")
    writer = gguf.GGUFWriter(folder / "mmproj.gguf", "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "gemma3")
    writer.add_uint32("clip.vision.projection_dim", 128)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(BundleError, match=r"reads vision as gemma3, and .* needs gemma4uv"):
        open_bundle(folder)


def test_what_is_no_bundle_says_why(tmp_path: Path) -> None:
    tiny = cached_bundle()
    assert tiny.mmproj is not None
    with pytest.raises(BundleError, match="There is no model at"):
        open_bundle(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="holds no GGUF"):
        open_bundle(tmp_path)
    with pytest.raises(BundleError, match="only the mmproj"):
        open_bundle(tiny.mmproj)
    with pytest.raises(BundleError, match="holds no language model"):
        open_bundle(copy(tiny, tmp_path / "half", "mmproj", "drafter"))
    with pytest.raises(BundleError, match="architecture neverheard, which this version does not know"):
        open_bundle(other_main(tmp_path / "new" / "x.gguf", "neverheard"))
    with pytest.raises(BundleError, match="only a part"):
        open_bundle(other_main(tmp_path / "lora" / "x.gguf", "llama", kind="adapter"))
    with pytest.raises(BundleError, match="only a part"):
        open_bundle(other_main(tmp_path / "split" / "x-00002-of-00002.gguf", "llama", piece=1))
    cut = copy(tiny, tmp_path / "cut", "main", "mmproj")
    (file,) = cut.glob("*jorpmm*")
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(BundleError, match="cut short"):
        open_bundle(cut)


def test_bundles_are_found_and_the_best_comes_first(tmp_path: Path) -> None:
    tiny, other = cached_bundle(), cached_bundle(OTHER)
    first, second = tmp_path / "first", tmp_path / "second"
    copy(other, first / "text-only", "main")
    copy(tiny, first / "media", "main", "mmproj")
    copy(tiny, second / "all", "main", "mmproj", "drafter")
    other_main(first / "huge" / "qwen.gguf", "qwen2", width=1_000_000)
    copy(tiny, second / "broken", "mmproj")
    copy(tiny, second / ".hidden.part", "main")
    copy(other, second, "main", "mmproj")
    found = find_bundles([first, tmp_path / "missing", second])
    assert [bundle.main.parent.name for bundle in found] == ["all", "second", "media", "huge", "text-only"]
    assert best_bundle([first, second]) == found[0]
    assert best_bundle([tmp_path / "missing"]) is None
    assert find_bundles([second, second]) == find_bundles([second])


def test_an_mmproj_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(path.read_bytes().replace(b"v.patch_norm.2.bias", b"v.patch_norm.9.bias"))
    with pytest.raises(BundleError, match=r"mmproj\.gguf is not whole, it lacks v\.patch_norm\.2\.bias"):
        open_bundle(tmp_path)
