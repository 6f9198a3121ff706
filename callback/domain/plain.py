"""One shape for whatever people write: full-width and circled characters plain, lower case, no emoji dressing."""

import re
import unicodedata

AROUND = " \t\r\n。.!！?？,，、;；:：~～…*\"'“”()()[]【】<>《》—_#"
_INVISIBLE = re.compile("[\ufe0e\ufe0f\u20e3\u200b-\u200f\u2060\ufeff\U0001f3fb-\U0001f3ff]")
"""Variation selectors, the keycap that makes 5 into 5️⃣, zero-width marks, skin colours."""
_EMOJI = {"🔟": "10", "💯": "100"}
_BLANKS = re.compile(r"\s+")
_CLAUSE = re.compile(r"[。!?,;\n…~、]+|\.(?!\d)|(?<=\d)\s*[-—:]\s+|(?<=[\u4e00-\u9fff])\s+")


def normal(text: str) -> str:
    """`text` in one shape: full-width and circled characters plain, lower case, no emoji dressing, no outer marks."""
    for dressed, digit in _EMOJI.items():
        text = text.replace(dressed, f" {digit} ")
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold().replace("’", "'").replace("‘", "'")
    return _BLANKS.sub(" ", plain).strip(AROUND)


def clauses(plain: str) -> list[str]:
    """What stands between two marks of a text that is `normal`; whatever is read is read clause by clause."""
    return [clause.strip(AROUND) for clause in _CLAUSE.split(plain) if clause.strip(AROUND)]
