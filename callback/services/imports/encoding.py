"""Which encoding a text file has: decided by decoding all of it, not by a guess from its first lines."""

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from callback.errors import Invalid

_BLOCK = 1 << 20
_CHINESE = (("\u4e00", "\u9fff"), ("\u3000", "\u303f"), ("\uff00", "\uffef"))
"""Ideographs, their punctuation, full-width forms."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect_encoding(path: Path, declared: str | None = None) -> str:
    """The codec that reads the whole file.

    A byte order mark decides; else strict UTF-8; else UTF-16 where every other byte is zero; else GB18030 when what it
    yields is Chinese; else the library's guess. Raises `Invalid` (`import_encoding`).
    """
    if declared is not None:
        if not _decodes(path, declared):
            raise Invalid("import_encoding_declared", file=path.name, encoding=declared)
        return declared
    with path.open("rb") as file:
        sample = file.read(_BLOCK)
    marked = next((codec for bom, codec in _BOMS if sample.startswith(bom)), None)
    candidates = [marked] if marked else ["utf-8", *_unmarked_utf16(sample)]
    if not marked and _looks_chinese(sample):
        candidates.append("gb18030")
    for codec in candidates:
        if _decodes(path, codec):
            return codec
    if not marked:
        guess = from_bytes(sample[:65_536]).best()
        if guess is not None and _decodes(path, guess.encoding):
            return guess.encoding
    raise Invalid("import_encoding", file=path.name)


def _decodes(path: Path, codec: str) -> bool:
    """Whether all of the file is valid in this codec; reads it in blocks."""
    try:
        decoder = codecs.getincrementaldecoder(codec)("strict")
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    return True


def _unmarked_utf16(sample: bytes) -> list[str]:
    head = sample[:4096]
    if len(head) < 4:
        return []
    half = len(head) // 2
    if head[1::2].count(0) > half * 0.3:
        return ["utf-16-le"]
    return ["utf-16-be"] if head[0::2].count(0) > half * 0.3 else []


def _looks_chinese(sample: bytes) -> bool:
    """GB18030 gives a meaning to almost any bytes: believe it when most of what is not ASCII becomes Chinese."""
    text = codecs.getincrementaldecoder("gb18030")("replace").decode(sample)
    foreign = [character for character in text[:200_000] if ord(character) > 0x7F]
    chinese = sum(1 for c in foreign if any(first <= c <= last for first, last in _CHINESE))
    return bool(foreign) and chinese >= 0.8 * len(foreign)
