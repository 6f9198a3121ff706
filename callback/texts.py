"""Sentences for people, in Chinese and English, from the gettext catalogues in `locale/`.

Message ids are stable codes (`error.callback_taken`), so both languages are translations and neither can be
forgotten: a test fails when a code is missing in one of them. Catalogues are read as `.po` at first use, so there is
no compiled file that could be stale. Placeholders are `{name}`.

A sentence that reads otherwise with one has gettext's two forms; its `msgid_plural` names the placeholder that decides.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_FOLDERS: Mapping[str, str] = {"zh": "zh_CN", "en": "en"}
_LOCALE = Path(__file__).parent / "locale"


@functools.cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Every code of one language. Raises `ValueError` when two files define the same code."""
    return MappingProxyType({code: forms[-1] for code, (_, forms) in _messages(language).items()})


@functools.cache
def with_one(language: Language) -> Mapping[str, tuple[str, str]]:
    """Of sentences that read otherwise with one: the placeholder that decides, and the sentence then."""
    found = {code: (number, forms[0]) for code, (number, forms) in _messages(language).items() if len(forms) > 1}
    return MappingProxyType(found)


@functools.cache
def _messages(language: Language) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Code → the placeholder that decides ("" where none does), and the forms: for one, if it is another; for many."""
    texts: dict[str, tuple[str, tuple[str, ...]]] = {}
    for path in sorted((_LOCALE / _FOLDERS[language]).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=_FOLDERS[language]):
                if not message.id:
                    continue
                code, number = message.id if isinstance(message.id, tuple | list) else (message.id, "")
                if code in texts:
                    raise ValueError(f"{path.name}: {code} is defined twice")
                forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
                texts[str(code)] = str(number), tuple(map(str, forms))
    return texts


def say(code: str, language: Language, /, **params: object) -> str:
    """The sentence for `code`. An unknown code is shown as it is: a missing text must not hide an error."""
    if not params:
        return _as_it_is(code, language)
    text = catalogue(language).get(code)
    if text is None:
        return f"{code} {params}"
    number, one = with_one(language).get(code, ("", text))
    if number and str(params.get(number)) == "1":
        text = one
    try:
        return text.format_map(params)
    except (KeyError, IndexError, ValueError):
        return f"{text} {params}"


@functools.lru_cache(maxsize=8192)
def _as_it_is(code: str, language: Language) -> str:
    """A sentence without parameters: a list of two hundred lines says the same few over and over."""
    text = catalogue(language).get(code)
    return code if text is None else text.replace("{{", "{").replace("}}", "}")


def language_of(tag: str | None, default: Language = "en") -> Language:
    """The language we speak for an `Accept-Language` value or a locale tag: `zh-CN,zh;q=0.9` → `zh`."""
    for part in (tag or "").lower().split(","):
        name = part.split(";")[0].strip()
        if name.startswith("zh"):
            return "zh"
        if name.startswith("en"):
            return "en"
    return default
