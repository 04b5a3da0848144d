"""The files of a model: found by what their headers say and not by their names, and checked to fit each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gguf.constants import MODEL_ARCH_NAMES

from deskhand.model.errors import BundleError
from deskhand.model.files.header import Header, read_header, read_model

GEMMA = "gemma4"
DRAFTER = "gemma4-assistant"
PROJECTORS = {"vision": ("gemma4uv", "gemma4v"), "audio": ("gemma4ua", "gemma4a")}
"""Gemma 4's, the encoder-free ones first (llama.cpp `src/llama-arch.cpp`, `tools/mtmd/clip-impl.h`)."""

_PARTS = {
    "gemma4uv": (
        *(f"v.patch_norm.{number}.{part}" for number in (1, 2, 3) for part in ("weight", "bias")),
        *("v.patch_embd.weight", "v.patch_embd.bias", "v.position_embd.weight", "mm.input_projection.weight"),
    ),
    "gemma4ua": ("mm.a.input_projection.weight",),
}
"""Tensors of the encoder-free projectors; llama.cpp takes most of them as optional and crashes where one is missing."""

_SUPPORTED = frozenset(MODEL_ARCH_NAMES.values()) | {GEMMA}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files that make one model.

    Attributes:
        main: the language model.
        mmproj: turns pixels and sound into embeddings; None: it reads text only.
        drafter: multi-token-prediction drafter of ``main``; None: no drafting.
    """

    main: Path
    mmproj: Path | None = None
    drafter: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are there."""
        return tuple(path for path in (self.main, self.mmproj, self.drafter) if path is not None)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a person is told of a bundle.

    Attributes:
        name: as the main file calls itself, else its file name.
        architecture: of the main file.
        parameters: of the main file.
        bytes: of all files together.
        context_length: trained context, tokens.
        vocabulary: tokens.
        hidden: size of the hidden state.
        sees: takes pixels.
        hears: takes sound.
        drafts: has a drafter.
    """

    name: str
    architecture: str
    parameters: int
    bytes: int
    context_length: int
    vocabulary: int
    hidden: int
    sees: bool
    hears: bool
    drafts: bool

    @property
    def rank(self) -> tuple[int, int, int]:
        """Greater is better: Gemma 4 with media and drafter, then with media, then text only; then the bigger one."""
        media = self.architecture == GEMMA and (self.sees or self.hears)
        return (2 if media and self.drafts else int(media), self.parameters, self.bytes)


def role(header: Header) -> str:
    """``main``, ``mmproj`` or ``drafter``; empty for anything else: an adapter, a later piece of a split file."""
    if header.architecture == "clip" or header.text("general.type") == "mmproj":
        return "mmproj"
    if header.architecture.endswith("-assistant"):
        return "drafter"
    whole = header.tensors or header.number("split.count") > 1  # a first part may hold keys only
    return "main" if header.text("general.type") in {"", "model"} and header.number("split.no") == 0 and whole else ""


def open_bundle(path: Path) -> Bundle:
    """The bundle in a folder (or, if it holds no model file, in the folders below it), or made of a single main file.

    Of several main files Gemma 4 comes first, then the bigger one; of several others the first that fits the main file,
    the bigger one first.

    Raises:
        BundleError: nothing is there, a file is damaged, or the files do not fit each other; a sentence for the person.
    """
    if not path.exists():
        raise BundleError(f"There is no model at {path}: check the path, or see `deskhand models list`.")
    if path.is_file():
        header = read_header(path)
        if role(header) != "main":
            what = f"the {role(header)}" if role(header) else "a part"
            raise BundleError(f"{path} is only {what} of a model: name the folder that holds all its files.")
        _check_main(read_model(path))
        return Bundle(path)
    paths = sorted(path.glob("*.gguf")) or sorted(path.glob("*/*.gguf"))
    if not paths:
        raise BundleError(f"The folder {path} holds no GGUF file: put the model's files there, or name another folder.")
    by_role: dict[str, list[Header]] = {"main": [], "mmproj": [], "drafter": [], "": []}
    for header in map(read_header, paths):
        by_role[role(header)].append(header)
    if not by_role["main"]:
        raise BundleError(
            f"The folder {path} holds no language model, only {', '.join(sorted(p.name for p in paths))}."
        )
    main = max(
        (read_model(header.path) for header in by_role["main"]),
        key=lambda h: (h.architecture == GEMMA, h.parameters, h.size, h.path.name),
    )
    _check_main(main)
    return Bundle(main.path, _fitting(main, by_role["mmproj"]), _fitting(main, by_role["drafter"]))


def _fitting(main: Header, candidates: list[Header]) -> Path | None:
    problems: list[str] = []
    for header in sorted(candidates, key=lambda h: (-h.size, h.path.name)):
        if not (problem := mismatch(main, header)):
            return header.path
        problems.append(problem)
    if problems:
        raise BundleError(problems[0])
    return None


def mismatch(main: Header, other: Header) -> str:
    """Why an mmproj or a drafter does not belong to a main file, a sentence; empty if it does."""
    return _mmproj_mismatch(main, other) if role(other) == "mmproj" else _drafter_mismatch(main, other)


def _mmproj_mismatch(main: Header, other: Header) -> str:
    name, of, hidden = other.path.name, main.path.name, _hidden(main)
    for kind, projectors in PROJECTORS.items():
        if not other.metadata.get(f"clip.has_{kind}_encoder"):
            continue
        found = other.text(f"clip.{kind}.projector_type") or other.text("clip.projector_type")
        width = other.number(f"clip.{kind}.projection_dim")
        if main.architecture == GEMMA and found not in projectors:
            why = f"reads {kind} as {found or 'nothing known'}, and {of} needs {' or '.join(projectors)}"
        elif width != hidden:
            why = f"belongs to another model than {of} ({width} against {hidden} wide)"
        elif lacking := set(_PARTS.get(found, ())) - {tensor.name for tensor in other.tensors}:
            why = f"is not whole, it lacks {min(lacking)}"
        else:
            continue
        return f"{name} {why}: get the mmproj of this model."
    return ""


def _drafter_mismatch(main: Header, other: Header) -> str:
    of, hidden = main.path.name, _hidden(main)
    width, own, theirs = other.number(f"{DRAFTER}.embedding_length_out"), _vocabulary(other), _vocabulary(main)
    if main.architecture != GEMMA or other.architecture != DRAFTER:
        why = f"is a {other.architecture}, which does not go with {of}"
    elif width != hidden:
        why = f"drafts for another model than {of} ({width} against {hidden} wide)"
    elif own != theirs:
        why = f"knows {own} tokens and {of} {theirs}"
    else:
        return ""
    return f"{other.path.name} {why}: get the drafter of this model, or take this one out of the folder."


def describe(bundle: Bundle) -> Facts:
    """Facts of a bundle.

    Raises:
        BundleError: a file can't be read, or the files do not fit each other.
    """
    main = read_model(bundle.main)
    others = [read_header(path) for path in bundle.files[1:]]
    for other in others:
        if problem := mismatch(main, other):
            raise BundleError(problem)
    media = next((other for other in others if role(other) == "mmproj"), None)
    return Facts(
        name=main.text("general.name") or bundle.main.stem,
        architecture=main.architecture,
        parameters=main.parameters,
        bytes=main.size + sum(other.size for other in others),
        context_length=main.number(f"{main.architecture}.context_length"),
        vocabulary=_vocabulary(main),
        hidden=_hidden(main),
        sees=bool(media and media.metadata.get("clip.has_vision_encoder")),
        hears=bool(media and media.metadata.get("clip.has_audio_encoder")),
        drafts=bundle.drafter is not None,
    )


def find_bundles(folders: Iterable[Path]) -> list[Bundle]:
    """Every bundle that can be opened in these folders and the folders right below them, best first.

    Folders that are missing and bundles that are damaged are passed over: `open_bundle` says what is wrong with one.
    """
    found: dict[Path, tuple[tuple[int, int, int], Bundle]] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        for place in (*below, folder):
            if not any(place.glob("*.gguf")):
                continue
            try:
                bundle = open_bundle(place)
                found.setdefault(bundle.main.resolve(), (describe(bundle).rank, bundle))
            except BundleError:
                continue
    return [bundle for _, bundle in sorted(found.values(), key=lambda item: item[0], reverse=True)]


def best_bundle(folders: Iterable[Path]) -> Bundle | None:
    """The first of `find_bundles`, None if there is none."""
    return next(iter(find_bundles(folders)), None)


def _hidden(header: Header) -> int:
    return header.number(f"{header.architecture}.embedding_length")


def _vocabulary(header: Header) -> int:
    return header.count("tokenizer.ggml.tokens") or header.number(f"{header.architecture}.vocab_size")


def _check_main(header: Header) -> None:
    if not header.architecture:
        raise BundleError(f"{header.path} does not say of which architecture it is: get another GGUF of this model.")
    if header.architecture not in _SUPPORTED:
        raise BundleError(
            f"{header.path} is of the architecture {header.architecture}, which this version does not know: "
            "update Deskhand or take another model."
        )
