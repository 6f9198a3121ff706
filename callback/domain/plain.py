"""One shape for whatever people write: full-width and circled characters plain, lower case, no emoji dressing."""

import re
import unicodedata

AROUND = " \t\r\n。.!！?？,，、;；:：~～…*\"'“”()()[]【】<>《》—_#"
_INVISIBLE = re.compile("[\ufe0e\ufe0f\u20e3\u200b-\u200f\u2060\ufeff\U0001f3fb-\U0001f3ff]")
"""Variation selectors, the keycap that makes 5 into 5️⃣, zero-width marks, skin colours."""
_EMOJI = {"🔟": "10", "💯": "100"}
_BLANKS = re.compile(r"\s+")


def normal(text: str) -> str:
    """`text` in one shape: full-width and circled characters plain, lower case, no emoji dressing, no outer marks."""
    for dressed, digit in _EMOJI.items():
        text = text.replace(dressed, f" {digit} ")
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold().replace("’", "'").replace("‘", "'")
    return _BLANKS.sub(" ", plain).strip(AROUND)
