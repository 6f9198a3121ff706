"""Which encoding a text file has: decided by decoding all of it, not by a guess from its first lines."""

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from callback.errors import Invalid

_BLOCK = 1 << 20
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
    if not marked and _looks_chinese(path):
        candidates.append("gb18030")
    for codec in candidates:
        if _decodes(path, codec):
            return codec
    if not marked:
        guess = from_bytes(_foreign_part(path)[:65_536]).best()
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


def _looks_chinese(path: Path) -> bool:
    """GB18030 gives a meaning to almost any bytes; believe it when most of what is not ASCII is common Chinese.

    Common is what GB 2312 has: both of its bytes lie beyond ASCII, while an accented letter of a western text is
    followed by an ASCII letter and would become a rare character.
    """
    text = codecs.getincrementaldecoder("gb18030")("replace").decode(_foreign_part(path))
    foreign = [character for character in text if ord(character) > 0x7F]
    return bool(foreign) and sum(map(_is_common_chinese, foreign)) >= 0.6 * len(foreign)


def _foreign_part(path: Path) -> bytes:
    """The file from its first line on that is not ASCII; at most a block."""
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                return line + file.read(_BLOCK)
    return b""


def _is_common_chinese(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
