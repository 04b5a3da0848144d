from deskhand.model.files.fingerprint import fingerprint
from deskhand.model.files.header import read_header
from deskhand.model.tiny.bundle import TinySpec, cached_bundle, write_bundle


def test_the_same_weights_have_the_same_fingerprint_wherever_they_lie(tmp_path):
    one, other = write_bundle(tmp_path / "one"), cached_bundle(TinySpec())
    assert fingerprint(one.files) == fingerprint(other.files)
    assert fingerprint([one.main]) != fingerprint([one.mmproj])


def test_other_weights_and_one_other_matrix_have_another(tmp_path):
    bundle = write_bundle(tmp_path)
    before = fingerprint([bundle.main])
    assert before != fingerprint([cached_bundle(TinySpec(seed=1)).main])
    tensor = next(t for t in read_header(bundle.main).tensors if t.name == "blk.3.ffn_up.weight")
    data = bytearray(bundle.main.read_bytes())
    middle = tensor.offset + tensor.size // 2
    data[middle : middle + 4] = b"\0\0\0\1"
    bundle.main.write_bytes(data)
    assert fingerprint([bundle.main]) != before
