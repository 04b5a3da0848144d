"""What a server's call came to, as a result of ours: text within its limit, pictures as pixels, all else named."""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote, unquote_to_bytes

from mcp import types
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from deskhand.agent.limits import Limits
from deskhand.agent.tool import ToolResult
from deskhand.model.images import DAMAGED, to_rgb
from deskhand.model.types import Image

MOST_IMAGES = 4
MOST_PIXELS = 40_000_000
"""A picture with more is refused before it is decoded: 120 MB as RGB."""
_PNG = b"\x89PNG\r\n\x1a\n"
_URL_SAFE = str.maketrans("-_", "+/")
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def result(found: types.CallToolResult, limits: Limits) -> ToolResult:
    """Turn what a server returned into a result; nothing is raised for what it holds."""
    texts: list[str] = []
    images: list[Image] = []
    for block in found.content:
        for part in _parts(block):
            if isinstance(part, str):
                texts.append(part)
            elif len(images) < MOST_IMAGES:
                images.append(part)
            else:
                texts.append(f"[a further picture, left out: at most {MOST_IMAGES}]")
    if found.structured_content is not None and not (texts and _told(found.structured_content, "\n".join(texts))):
        texts.append(json.dumps(found.structured_content, ensure_ascii=False))
    text = cut("\n".join(texts), limits.result_bytes)
    if found.is_error:
        return ToolResult(
            error=cut(text, 2_000) or "The server says that it failed, and not why.", images=tuple(images)
        )
    return ToolResult(text or ("" if images else "(nothing)"), images=tuple(images))


def _told(value: object, text: str) -> bool:
    """Whether a text tells all that a value holds, as the protocol asks servers to repeat it."""
    if isinstance(value, Mapping):
        return all(_told(each, text) for each in cast("Mapping[str, Any]", value).values())
    if isinstance(value, list):
        return all(_told(each, text) for each in cast("list[Any]", value))
    return (value.strip() if isinstance(value, str) else json.dumps(value)) in text


def _parts(block: types.ContentBlock) -> Iterator[str | Image]:
    match block:
        case types.TextContent():
            yield block.text
        case types.ImageContent():
            yield _image(block.data, block.mime_type)
        case types.AudioContent():
            yield f"[sound, {block.mime_type[:60]}: not passed on]"
        case types.ResourceLink():
            yield f"[a resource: {block.name[:200]}, {str(block.uri)[:500]}]"
        case types.EmbeddedResource(resource=types.TextResourceContents() as inner):
            yield f"[{str(inner.uri)[:500]}]\n{inner.text}"
        case types.EmbeddedResource(resource=inner):
            kind = inner.mime_type or "unknown type"
            if kind.lower().startswith(("image/", "data:image/")) and isinstance(inner, types.BlobResourceContents):
                yield _image(inner.blob, kind)
            else:
                yield f"[{str(inner.uri)[:500]}, {kind[:60]}: not passed on]"


def _image(data: str, kind: str) -> Image | str:
    """Its pixels, over white where it is transparent, or a note why there are none."""
    try:
        raw = _bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Picture.DecompressionBombWarning)  # the size is judged here
            opened = Picture.open(io.BytesIO(_mended(raw)), formats=_FORMATS)
        with opened:
            if opened.width * opened.height > MOST_PIXELS:
                return f"[a picture of {opened.width}×{opened.height} pixels, left out: too large]"
            picture = to_rgb(opened)
    except (binascii.Error, UnidentifiedImageError, Picture.DecompressionBombError):
        return f"[a picture, {kind[:60]}, that can't be read]"
    except DAMAGED:
        return f"[a picture, {kind[:60]}, that is damaged]"
    return Image(picture.tobytes(), picture.width, picture.height)


def _bytes(data: str) -> bytes:
    """What base64 stands for, in any of the ways in which servers write it (RFC 4648 and 2045, ``data:`` URIs).

    Raises:
        binascii.Error: it is none.
    """
    if data[:5].lower() == "data:":
        head, comma, data = data.partition(",")
        if not comma:
            raise binascii.Error("a data: URI without a comma")
        if not head.lower().endswith(";base64"):
            return unquote_to_bytes(data)
        data = unquote(data)
    plain = "".join(data.split()).translate(_URL_SAFE).rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _mended(raw: bytes) -> bytes:
    """A PNG without ancillary chunks whose checksum is wrong: libpng passes over those, Pillow refuses the picture.

    The picture of `@modelcontextprotocol/server-everything` has one (iCCP), so do others made by hand.
    """
    if not raw.startswith(_PNG):
        return raw
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(raw):
        (size,) = struct.unpack_from(">I", raw, at)
        chunk = raw[at : at + 12 + size]
        ancillary = chunk[4] & 0x20
        if not ancillary or chunk[-4:] == struct.pack(">I", zlib.crc32(chunk[4:-4])):
            kept.append(chunk)
        at += 12 + size
    return b"".join(kept)


def cut(text: str, most: int) -> str:
    """The beginning of a text, at most ``most`` bytes of UTF-8, with a note."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode()
    return f"{raw[:most].decode('utf-8', 'ignore')}\n[cut: the first {most} of {len(raw)} bytes]"
