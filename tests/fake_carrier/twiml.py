"""TwiML checked element by element: nesting and attributes by an allow-list made of the client library's signatures."""

import inspect
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import cache

from twilio.twiml import voice_response
from twilio.twiml.voice_response import Dial, Gather, Number, Start, VoiceResponse

_METHODS = {"Response": VoiceResponse, "Gather": Gather, "Dial": Dial, "Number": Number, "Start": Start}
_TEXT = {"Say", "Number"}
_LIMITS = {"timeout": 600, "timeLimit": 14_400, "numDigits": 20, "maxSpeechTime": 60, "length": 600, "loop": 100}


def _camel(name: str) -> str:
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def _nested(name: str) -> Mapping[str, frozenset[str]]:
    """Element → attributes that may stand in `name`, from the methods that append it."""
    known: dict[str, frozenset[str]] = {}
    owner = _METHODS.get(name)
    for method_name, method in inspect.getmembers(owner, inspect.isfunction) if owner is not None else ():
        made = re.search(r"self\.nest\(\s*(\w+)\(", inspect.getsource(method))
        element = getattr(voice_response, made[1], None) if made is not None else None
        if method_name.startswith("_") or element is None:
            continue
        parameters = [one for one in inspect.signature(element).parameters.values() if one.kind is not one.VAR_KEYWORD]
        node = element(**{one.name: "x" for one in parameters if one.default is one.empty})
        words = inspect.signature(method).parameters.values()
        known[node.name] = frozenset(
            _camel(one.name) for one in words if one.name != "self" and one.kind is not one.VAR_KEYWORD
        )
    return known


def faults(document: str) -> list[str]:
    """Everything that the carrier would not understand; empty for good TwiML."""
    try:
        root = ET.fromstring(document)  # noqa: S314  we made it
    except ET.ParseError as error:
        return [f"no XML: {error}"]
    if root.tag != "Response":
        return [f"<{root.tag}> instead of <Response>"]
    return [*_check(root), *([f"<Response> has {dict(root.attrib)}"] if root.attrib else [])]


def _check(parent: ET.Element) -> list[str]:
    allowed = _nested(parent.tag)
    found: list[str] = []
    for child in parent:
        if child.tag not in allowed:
            found.append(f"<{child.tag}> in <{parent.tag}>")
            continue
        found += [f"{name} of <{child.tag}>" for name in child.attrib if name not in allowed[child.tag]]
        found += [
            f"{name}={child.attrib[name]} of <{child.tag}>"
            for name, most in _LIMITS.items()
            if name in child.attrib and not 0 <= int(child.attrib[name] if child.attrib[name] != "auto" else 0) <= most
        ]
        if (child.text or "").strip() and child.tag not in _TEXT:
            found.append(f"text in <{child.tag}>")
        if child.tag in _TEXT and not (child.text or "").strip():
            found.append(f"nothing in <{child.tag}>")
        found += _check(child)
    return found
