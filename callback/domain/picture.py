"""What a picture is, read from its own first bytes: the name of a file and what a browser says of it prove nothing."""

from dataclasses import dataclass

PNG, JPEG = "image/png", "image/jpeg"
MOST_BYTES = 512 * 1024
LARGEST = 4000
"""Pixels, on either side."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers that begin a frame and name its size."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG markers without a length."""


class PictureError(ValueError):
    """Not a picture that is shown. `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    media_type: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture:
    """Media type and size. Raises `PictureError` (`picture_too_big`, `picture_unknown`, `picture_too_large`).

    Only kinds that cannot hold a script are known; an SVG is a document and is refused.
    """
    if len(content) > MOST_BYTES:
        raise PictureError("picture_too_big")
    found = _png(content) or _jpeg(content)
    if found is None or not found.width or not found.height:
        raise PictureError("picture_unknown")
    if max(found.width, found.height) > LARGEST:
        raise PictureError("picture_too_large")
    return found


def _png(content: bytes) -> Picture | None:
    if not content.startswith(_PNG_SIGNATURE) or content[12:16] != b"IHDR" or len(content) < 24:
        return None
    return Picture(PNG, int.from_bytes(content[16:20]), int.from_bytes(content[20:24]))


def _jpeg(content: bytes) -> Picture | None:
    """Walks the segments up to the frame."""
    if not content.startswith(b"\xff\xd8"):
        return None
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _FRAMES:
            height, width = (int.from_bytes(content[place + n : place + n + 2]) for n in (5, 7))
            return Picture(JPEG, width, height)
        length = 0 if marker in _STANDALONE else int.from_bytes(content[place + 2 : place + 4])
        place += 2 + length
    return None
