"""Names of files as text: Linux keeps bytes, and those of an old archive need not be UTF-8."""

from __future__ import annotations


def spelled(name: str) -> str:
    r"""The name as it can be printed, kept and sent: bytes that are not UTF-8 as ``\xe9``.

    Python brings such bytes as lone surrogates (PEP 383), which no encoder takes. What comes back opens no file.
    """
    return name.encode("utf-8", "surrogateescape" if _escaped(name) else "backslashreplace").decode(
        "utf-8", "backslashreplace"
    )


def odd(name: str) -> bool:
    """Whether the name is not UTF-8 on the disk."""
    return any("\ud800" <= char <= "\udfff" for char in name)


def _escaped(name: str) -> bool:
    """Whether every surrogate stands for a byte, as the system's names have them."""
    return all("\udc80" <= char <= "\udcff" for char in name if "\ud800" <= char <= "\udfff")
