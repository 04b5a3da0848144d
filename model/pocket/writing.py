"""Pocket's three GGUF files from arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import gguf
import numpy as np
from gguf.quants import quantize

from deskhand.model.files.bundle import Bundle
from deskhand.model.pocket.shapes import Array, File, random_values, shapes
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.vocab import vocabulary
from deskhand.model.tiny.keys import Shape, write_language_keys, write_media_keys, write_tokenizer

Storage = Literal["f32", "q8_0"]

_FILE_TYPES = {"f32": 0, "q8_0": 7}  # llama.h, llama_ftype
_LICENCE = "apache-2.0"
_ARCHITECTURES: Mapping[File, str] = {"main": "gemma4", "mmproj": "clip", "drafter": "gemma4-assistant"}

Weights = Mapping[File, Mapping[str, Array]]
"""Arrays of the three files."""


def write(folder: Path, spec: PocketSpec, weights: Weights, storage: Storage = "q8_0") -> Bundle:
    """Write ``main.gguf``, ``mmproj.gguf`` and ``drafter.gguf`` into ``folder``, which is made if missing.

    Args:
        folder: of the files.
        spec: sizes.
        weights: every tensor of `shapes`; without a ``drafter`` there is no such file.
        storage: of matrices; vectors are always float32.

    Raises:
        OSError: the folder can't be written.
        ValueError: a tensor is missing, one too many, or of another shape.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[File, Path] = {file: folder / f"{file}.gguf" for file in weights}
    for file, path in paths.items():
        _write(path, spec, file, weights[file], storage)
    return Bundle(paths["main"], paths["mmproj"], paths.get("drafter"))


def write_untrained(folder: Path, spec: PocketSpec, seed: int = 0) -> Bundle:
    """Write files of seeded random values, exactly: for tests and for comparing."""
    files: tuple[File, ...] = ("main", "mmproj", "drafter")
    return write(folder, spec, {file: random_values(spec, file, seed) for file in files}, "f32")


def _write(path: Path, spec: PocketSpec, file: File, values: Mapping[str, Array], storage: Storage) -> None:
    expected = shapes(spec, file)
    found = {name: value.shape for name, value in values.items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise ValueError(f"{path.name}: these tensors are missing, too many, or of another shape: {', '.join(wrong)}")
    part = path.with_suffix(".part")
    keys = gguf.GGUFWriter(part, _ARCHITECTURES[file])
    keys.add_uint32("general.file_type", _FILE_TYPES[storage])
    keys.add_uint32("general.quantization_version", 2)
    keys.add_string("general.license", _LICENCE)
    _KEYS[file](keys, spec)
    for name in expected:
        value = np.ascontiguousarray(values[name], np.float32)
        if value.ndim == 1 or storage == "f32":
            keys.add_tensor(name, value)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            keys.add_tensor(name, quantize(value, kind), raw_dtype=kind)
    keys.write_header_to_file()
    keys.write_kv_data_to_file()
    keys.write_tensors_to_file()
    keys.close()
    part.replace(path)


def _main_keys(keys: gguf.GGUFWriter, spec: PocketSpec) -> None:
    write_language_keys(keys, spec, Shape("gemma4", spec.sliding, spec.hidden, spec.ffn))
    keys.add_string("general.name", "Pocket")
    keys.add_float32("gemma4.final_logit_softcapping", 30.0)
    keys.add_uint32("gemma4.attention.shared_kv_layers", 0)
    write_tokenizer(keys, vocabulary(spec.vocab))


def _mmproj_keys(keys: gguf.GGUFWriter, spec: PocketSpec) -> None:
    keys.add_string("general.type", "mmproj")
    keys.add_string("general.name", "Pocket pixels and sound")
    write_media_keys(keys, spec.hidden, spec.vision)


def _drafter_keys(keys: gguf.GGUFWriter, spec: PocketSpec) -> None:
    name = "gemma4-assistant"
    write_language_keys(keys, spec, Shape(name, spec.drafter_sliding, spec.drafter_hidden, spec.drafter_ffn))
    keys.add_string("general.name", "Pocket drafter")
    keys.add_uint32(f"{name}.attention.shared_kv_layers", spec.drafter_layers)
    keys.add_uint32(f"{name}.embedding_length_out", spec.hidden)
    keys.add_uint32(f"{name}.nextn_predict_layers", spec.drafter_layers)
    write_tokenizer(keys, vocabulary(spec.vocab))


_KEYS = {"main": _main_keys, "mmproj": _mmproj_keys, "drafter": _drafter_keys}
