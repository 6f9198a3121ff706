"""Pictures are what their bytes say."""

import pytest

from callback.domain.picture import JPEG, LARGEST, MOST_BYTES, PNG, Picture, PictureError, read_picture


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x06\x00\x00\x00"


def jpeg(width: int, height: int, *, before: bytes = b"\xff\xe0\x00\x10" + b"J" * 14) -> bytes:
    return (
        b"\xff\xd8" + before + b"\xff\xc0\x00\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x03" + b"\x00" * 9
    )


def test_their_kind_and_size() -> None:
    assert read_picture(png(480, 270)) == Picture(PNG, 480, 270)
    assert read_picture(jpeg(480, 270)) == Picture(JPEG, 480, 270)
    assert read_picture(jpeg(7, 9, before=b"\xff\x01")) == Picture(JPEG, 7, 9)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "picture_unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "picture_unknown"),
        (b"GIF89a" + b"\x00" * 30, "picture_unknown"),
        (png(480, 270)[:20], "picture_unknown"),
        (png(0, 270), "picture_unknown"),
        (png(480, 0), "picture_unknown"),
        (b"\xff\xd8\xff\xd9", "picture_unknown"),
        (b"\xff\xd8" + b"\x00" * 30, "picture_unknown"),
        (b"\xff\xd8\xff\xe0\xff\xff" + b"\x00" * 30, "picture_unknown"),
        (png(LARGEST + 1, 5), "picture_too_large"),
        (jpeg(5, LARGEST + 1), "picture_too_large"),
        (png(5, 5) + b"\x00" * MOST_BYTES, "picture_too_big"),
    ],
)
def test_what_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(PictureError) as refused:
        read_picture(content)
    assert refused.value.code == code
