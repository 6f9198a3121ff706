"""Holds each request against the carrier's own description of its API: openapi-core, and the names of parameters.

openapi-core does not refuse a parameter that the description does not know, so the names are compared as well.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

FORM = "application/x-www-form-urlencoded"
ACCOUNT = "/2010-04-01/Accounts/{AccountSid}"
PATHS = (
    f"{ACCOUNT}/Messages.json",
    f"{ACCOUNT}/Messages/{{Sid}}.json",
    f"{ACCOUNT}/Calls.json",
    f"{ACCOUNT}/Calls/{{Sid}}.json",
)


class _Request:
    """What openapi-core wants to know."""

    def __init__(self, *, method: str, path: str, query: str, body: bytes, account: str) -> None:
        self.host_url = "https://api.twilio.com"
        self.path = path
        self.method = method.lower()
        self.body = body
        self.content_type = FORM
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(query, keep_blank_values=True)),
            header=Headers({"Authorization": "Basic x"}),
            cookie=ImmutableMultiDict(),
            path={"AccountSid": account},
        )


class Description:
    """The carrier's document, cut to the paths that we speak."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        cut = {**document, "paths": {path: document["paths"][path] for path in PATHS}}
        self._openapi = OpenAPI.from_dict(cut)

    def faults(self, *, method: str, path: str, query: str, body: bytes, account: str) -> list[str]:
        """Everything that is wrong with a request; empty when the description allows it."""
        template = self._template(path)
        if template is None:
            return [f"no such path: {path}"]
        operation = self.document["paths"][template].get(method.lower())
        if operation is None:
            return [f"no {method} on {template}"]
        given = [name for name, _ in parse_qsl(query if method == "GET" else body.decode(), keep_blank_values=True)]
        faults = [f"unknown parameter: {name}" for name in given if name not in self._names(template, method.lower())]
        try:
            self._openapi.validate_request(_Request(method=method, path=path, query=query, body=body, account=account))
        except Exception as error:
            faults.append(f"{type(error).__name__}: {error}: {error.__cause__}")
        return faults

    def _template(self, path: str) -> str | None:
        parts = path.split("/")
        for template in PATHS:
            wanted = template.split("/")
            if len(wanted) == len(parts) and all(_fits(w, p) for w, p in zip(wanted, parts, strict=True)):
                return template
        return None

    @cache  # noqa: B019  one description lives as long as the tests
    def _names(self, template: str, method: str) -> frozenset[str]:
        operation = self.document["paths"][template][method]
        if method == "get":
            return frozenset(parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query")
        return frozenset(operation["requestBody"]["content"][FORM]["schema"]["properties"])

    def examples(self, template: str, method: str, status: str) -> Iterable[Mapping[str, Any]]:
        """The description's own answers."""
        content = self.document["paths"][template][method]["responses"][status]["content"]["application/json"]
        return [example["value"] for example in content["examples"].values()]

    def schema(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["components"]["schemas"][name]
        return found


def _fits(wanted: str, part: str) -> bool:
    if wanted == "{AccountSid}":
        return part.startswith("AC")
    if wanted == "{Sid}.json":
        return part.endswith(".json")
    return wanted == part


@cache
def load(path: Path) -> Description:
    return Description(json.loads(path.read_text(encoding="utf-8")))
