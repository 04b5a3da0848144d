"""Headers are read from files that gguf wrote, and from hundreds of damaged ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import BundleError
from deskhand.model.files.header import Header, LongArray, read_header
from deskhand.model.tiny.bundle import cached_bundle


def write(path: Path) -> bytes:
    writer = gguf.GGUFWriter(path, "gemma4")
    writer.add_string("general.name", "Näme")
    writer.add_uint8("a.u8", 200)
    writer.add_int8("a.i8", -5)
    writer.add_uint16("a.u16", 65535)
    writer.add_int16("a.i16", -300)
    writer.add_uint32("a.u32", 7)
    writer.add_int32("a.i32", -7)
    writer.add_uint64("a.u64", 1 << 40)
    writer.add_int64("a.i64", -(1 << 40))
    writer.add_float32("a.f32", 0.5)
    writer.add_float64("a.f64", 0.25)
    writer.add_bool("a.bool", True)
    writer.add_array("a.strings", ["x", "yz", ""])
    writer.add_array("a.bools", [True, False])
    writer.add_array("a.many", [f"token {n}" for n in range(5000)])
    writer.add_array("a.numbers", list(range(5000)))
    writer.add_tensor("one", np.ones((3, 5), np.float32))
    writer.add_tensor("two", np.ones((2, 32), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("good") / "good.gguf")


def refused(tmp_path: Path, data: bytes, name: str = "model.gguf") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BundleError) as caught:
        read_header(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(path) in sentence
    return sentence


def read(path: Path) -> Header | str:
    try:
        return read_header(path)
    except BundleError as error:
        return str(error)


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    header = read_header(tmp_path / "m.gguf")
    assert header.version == 3
    assert header.architecture == "gemma4"
    values = header.metadata
    assert values["general.name"] == "Näme"
    assert [values[f"a.{k}"] for k in ("u8", "i8", "u16", "i16", "u32", "i32")] == [200, -5, 65535, -300, 7, -7]
    assert [values[f"a.{k}"] for k in ("u64", "i64", "f32", "f64")] == [1 << 40, -(1 << 40), 0.5, 0.25]
    assert values["a.bool"] is True
    assert values["a.strings"] == ("x", "yz", "")
    assert values["a.bools"] == (True, False)
    assert values["a.many"] == LongArray(8, 5000)
    assert header.count("a.many") == header.count("a.numbers") == 5000
    assert header.count("a.strings") == 3
    assert header.count("nothing") == header.number("general.name") == 0
    assert header.text("a.u8") == ""
    assert header.parameters == 15 + 64


def test_tensors_lie_where_gguf_reads_them(tmp_path: Path) -> None:
    data = write(tmp_path / "m.gguf")
    header = read_header(tmp_path / "m.gguf")
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    assert [(t.name, t.shape, t.kind, t.offset, t.size) for t in header.tensors] == [
        (t.name, tuple(int(n) for n in t.shape), int(t.tensor_type), int(t.data_offset), int(t.n_bytes))
        for t in reader.tensors
    ]
    assert data[header.tensors[0].offset :][:4] == struct.pack("<f", 1.0)


def test_version_2_is_read_and_others_are_refused(tmp_path: Path, good: bytes) -> None:
    two = tmp_path / "two.gguf"
    two.write_bytes(good[:4] + struct.pack("<I", 2) + good[8:])
    assert read_header(two).version == 2
    assert "version 1;" in refused(tmp_path, good[:4] + struct.pack("<I", 1) + good[8:])
    assert "version 9;" in refused(tmp_path, good[:4] + struct.pack("<I", 9) + good[8:])
    assert "big-endian" in refused(tmp_path, good[:4] + struct.pack(">I", 3) + good[8:])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04rest", "zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (struct.pack("<Q", 40) + b'{"weight": {"dtype": "F32"}}', "safetensors"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"tjgg\x03\x00\x00\x00", "older format"),
        (b'{"model_type": "gemma4"}', "JSON"),
        (b"\x89PNG\r\n", "picture"),
        (b"hello", "not a GGUF"),
        (b"", "is empty"),
        (b"GGUF", "cut short"),
    ],
)
def test_foreign_files_are_named(tmp_path: Path, data: bytes, what: str) -> None:
    assert what in refused(tmp_path, data)


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"can't be read: No such file"):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(BundleError, match="is not a file"):
        read_header(tmp_path)


def test_every_truncation_is_noticed(tmp_path: Path, good: bytes) -> None:
    for length in [*range(4, 600), *range(600, len(good), 997), len(good) - 33]:
        path = tmp_path / f"{length}.gguf"
        path.write_bytes(good[:length])
        with pytest.raises(BundleError, match=r"cut short|damaged"):
            read_header(path)
        path.unlink()


def test_truncated_data_names_both_lengths(tmp_path: Path, good: bytes) -> None:
    sentence = refused(tmp_path, good[:-64])
    assert f"has {len(good) - 64} bytes" in sentence


def header_of(*, tensors: int = 0, keys: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + rest


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


@pytest.mark.parametrize(
    "data",
    [
        header_of(tensors=1 << 62),
        header_of(keys=1 << 62),
        header_of(keys=1, rest=struct.pack("<Q", 1 << 63)),
        header_of(keys=1, rest=text(b"k") + struct.pack("<IIQ", 9, 8, 1 << 61)),
        header_of(keys=1, rest=text(b"k") + struct.pack("<IIQ", 9, 9, 1)),
        header_of(keys=1, rest=text(b"k") + struct.pack("<IIQ", 9, 99, 1)),
        header_of(keys=1, rest=text(b"k") + struct.pack("<I", 77)),
        header_of(keys=2, rest=(text(b"k") + struct.pack("<IB", 0, 1)) * 2),
        header_of(keys=1, rest=text(b"general.alignment") + struct.pack("<II", 4, 0)),
        header_of(keys=1, rest=text(b"general.alignment") + struct.pack("<II", 4, 1 << 31)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<I", 5)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 1 << 63)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 7)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<IQIQ", 1, 33, 2, 0)),
        header_of(tensors=1, rest=text(b"t") + struct.pack("<IQIQ", 1, 0, 0, 0)),
        header_of(tensors=2, rest=(text(b"t") + struct.pack("<IQIQ", 1, 1, 0, 0)) * 2) + bytes(64),
        header_of(keys=1, rest=text(b"k") + struct.pack("<IIQ", 9, 8, 5000) + struct.pack("<Q", 1 << 63) * 5000),
    ],
)
def test_hostile_headers_are_refused_without_memory_or_time(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data)


def test_hundreds_of_damaged_copies_end_in_a_header_or_a_sentence(tmp_path: Path, good: bytes) -> None:
    rng = random.Random(1)
    path = tmp_path / "mutated.gguf"
    refusals = 0
    for _ in range(600):
        data = bytearray(good)
        reach = rng.choice([32, 400, 1200, len(data)])
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(4, reach)
            data[at : at + rng.choice([1, 4, 8])] = rng.randbytes(rng.choice([1, 4, 8]))
        path.write_bytes(data)
        outcome = read(path)
        if isinstance(outcome, Header):
            assert all(tensor.offset + tensor.size <= len(data) for tensor in outcome.tensors)
        else:
            refusals += 1
            assert str(path) in outcome
        path.unlink()
    assert refusals > 200


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), keys=st.integers(0, 3), tensors=st.integers(0, 3))
def test_any_bytes_after_the_magic_end_in_a_header_or_a_sentence(
    tmp_path: Path, data: bytes, keys: int, tensors: int
) -> None:
    path = tmp_path / f"{hash((data, keys, tensors))}.gguf"
    path.write_bytes(header_of(tensors=tensors, keys=keys, rest=data))
    outcome = read(path)
    assert outcome.size == path.stat().st_size if isinstance(outcome, Header) else str(path) in outcome
    path.unlink()


def test_a_changed_file_is_read_anew(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(good)
    assert read_header(path).parameters == 79
    path.write_bytes(good[:200])
    with pytest.raises(BundleError):
        read_header(path)


def test_the_tiny_bundle_is_read_whole() -> None:
    bundle = cached_bundle()
    main = read_header(bundle.main)
    assert main.number("gemma4.embedding_length") == 128
    assert main.metadata["gemma4.attention.sliding_window_pattern"] == (True, True, False, True, True, False)
    assert main.count("tokenizer.ggml.tokens") == 1024
