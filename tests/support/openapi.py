# SPDX-License-Identifier: MIT
"""Whether an answer is what api/openapi.yaml says.

Checked are the path and the method, the status, the type of the content, the body against
its JSON Schema, the headers, and of a refusal its code: the examples of a response name
every code that it may have. A member or a header that the document does not name is a
complaint too, although the document leaves room for later ones. Of a stream of events,
`x-events` names each and its data.

Only tests import this: it needs python3-jsonschema and python3-yaml.
"""

import functools
import json
import re
import urllib.parse

import jsonschema
import yaml

from . import event_stream
from .programs import ROOT

DOCUMENT = ROOT / "api" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
# What is wrong with the HTTP itself: any request may be refused so (`default`).
HTTP_REFUSALS = {400, 408, 413, 414, 415, 417, 431, 501, 505}
# Headers of any answer, said once in the document's introduction.
COMMON_HEADERS = re.compile(
    "(content-(type|length|security-policy)|date|server|cache-control|connection|vary|"
    "transfer-encoding|"
    "request-id|x-request-id|x-content-type-options|x-frame-options|referrer-policy|"
    "strict-transport-security|cross-origin-.*|permissions-policy|access-control-.*|"
    "idempotent-replayed|preference-applied|ratelimit|ratelimit-policy)$")
DAY = re.compile(r"\d{4}-\d\d-\d\d$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

FORMATS = jsonschema.FormatChecker(formats=["email"])
FORMATS.checks("date")(lambda text: not isinstance(text, str) or bool(DAY.match(text)))
FORMATS.checks("date-time")(
    lambda text: not isinstance(text, str) or bool(MOMENT.match(text)))


class ContractError(AssertionError):
    """The front door and api/openapi.yaml do not agree."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML 1.2's plain scalars: days and `no` stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), "tf")


class Contract:
    def __init__(self, document):
        self.document = document
        self.paths = [(self._pattern(template), template, item)
                      for template, item in document["paths"].items()]
        self.validators = {}

    @staticmethod
    def _pattern(template):
        """`{id}` takes one segment; what is written out wins over it."""
        return re.compile("/".join(
            "([^/]+)" if part.startswith("{") else re.escape(part)
            for part in template.split("/")) + "$")

    def resolve(self, node):
        """What a $ref points at, however many there are."""
        while isinstance(node, dict) and "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def find(self, path):
        """The template, its item and the values in the path; None when there is none."""
        found = [(template, item, pattern.match(path)) for pattern, template, item
                 in self.paths if pattern.match(path)]
        if not found:
            return None
        template, item, match = min(found, key=lambda one: one[0].count("{"))
        names = re.findall(r"\{(\w+)\}", template)
        return template, item, dict(zip(names, match.groups()))

    def plain(self, schema, strict):
        """A schema without $ref and allOf, which lets in no member that it does not name."""
        if isinstance(schema, list):
            return [self.plain(one, strict) for one in schema]
        if not isinstance(schema, dict):
            return schema
        schema = self.resolve(schema)
        if "allOf" in schema:
            merged = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                part = self.plain(part, False)
                merged["type"] = part.get("type", merged.get("type"))
                merged["required"] = [*merged.get("required", []), *part.get("required", [])]
                merged["properties"] = {**part.get("properties", {}),
                                        **merged.get("properties", {})}
            schema = merged
        made = {}
        for key, value in schema.items():
            if key in ("properties", "patternProperties", "$defs"):
                made[key] = {name: self.plain(one, strict) for name, one in value.items()}
            elif key in ("example", "examples", "default", "const", "enum", "required"):
                made[key] = value
            else:
                made[key] = self.plain(value, strict)
        if strict and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    def validator(self, schema, strict):
        key = (id(schema), strict)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(
                self.plain(schema, strict), format_checker=FORMATS)
        return self.validators[key]

    def check_value(self, what, schema, value, strict=True):
        error = jsonschema.exceptions.best_match(
            self.validator(schema, strict).iter_errors(value))
        if error:
            where = "".join(f"[{part!r}]" for part in error.absolute_path)
            raise ContractError(f"{what}{where}: {error.message}")

    # Answers.

    def check_answer(self, method, target, status, headers, body):
        """An answer to `method target`; headers is what has .get() without regard to case."""
        path = urllib.parse.urlsplit(target).path
        said = f"{method} {path} was answered {status}"
        found = self.find(path)
        operation = found and found[1].get("get" if method == "HEAD" else method.lower())
        if operation is None:
            self._check_unknown(said, method, found, status, headers, body)
            return
        responses = operation["responses"]
        response = responses.get(str(status))
        if response is None and status in HTTP_REFUSALS:
            response = responses.get("default")
        if response is None:
            raise ContractError(f"{said}, which {found[0]} does not document")
        response = self.resolve(response)
        self._check_headers(said, response, headers)
        self._check_body(said, response, status, headers,
                         b"" if method == "HEAD" else body, method == "HEAD")

    def _check_unknown(self, said, method, found, status, headers, body):
        """Of what the document does not name: 404, or 405 with Allow, or a refusal of the
        HTTP. OPTIONS is the browsers' question whether they may ask."""
        if method == "OPTIONS" and status == 204:
            return
        expected = HTTP_REFUSALS | ({405} if found else {404})
        if status not in expected:
            raise ContractError(f"{said}, but {DOCUMENT.name} has no such "
                                + ("method" if found else "path"))
        if status == 405 and not headers.get("Allow"):
            raise ContractError(f"{said} without Allow")
        if method != "HEAD":
            self.check_value(said, {"$ref": "#/components/schemas/Problem"},
                             _decode(said, body))

    def _check_headers(self, said, response, headers):
        documented = {name.lower(): self.resolve(header)
                      for name, header in response.get("headers", {}).items()}
        for name, header in documented.items():
            value = headers.get(name)
            if value is None:
                if header.get("required"):
                    raise ContractError(f"{said} without the header {name}")
                continue
            schema = self.resolve(header["schema"])
            self.check_value(f"{said}: header {name}", schema, _typed(value, schema))
        for name in headers.keys():
            if name.lower() not in documented and not COMMON_HEADERS.match(name.lower()):
                raise ContractError(f"{said} with a header {name}, which is not documented")

    def _check_body(self, said, response, status, headers, body, is_head):
        contents = response.get("content")
        if not contents:
            if body:
                raise ContractError(f"{said} with a body, which is not documented")
            return
        sort = (headers.get("Content-Type") or "").partition(";")[0].strip()
        if sort not in contents:
            raise ContractError(f"{said} as {sort or 'nothing'}, not {', '.join(contents)}")
        if sort == "text/event-stream":
            self.check_events(said, contents[sort], body)
        if is_head or not sort.endswith("json"):
            return
        value = _decode(said, body)
        self.check_value(said, contents[sort]["schema"], value)
        if sort == "application/problem+json":
            codes = self.codes(contents[sort])
            if value["status"] != status or (codes and value["code"] not in codes):
                raise ContractError(f"{said} with the code {value['code']}; documented: "
                                    f"{', '.join(sorted(codes))}")

    def check_events(self, said, content, body):
        for name, data in event_stream.parse(body.splitlines(keepends=True)):
            if name not in content["x-events"]:
                raise ContractError(f"{said} with an event {name}, which is not documented")
            self.check_value(f"{said}: {name}", content["x-events"][name],
                             _decode(said, data))

    def codes(self, content):
        """The problems that a response's examples show."""
        return {self.resolve(example)["value"]["code"]
                for example in content.get("examples", {}).values()}

    # Requests.

    def check_request(self, method, target, headers, body, answer=None):
        """A request that was answered well must be one that the document allows; of a batch
        that is so of each item which its answer, a body, does not reject."""
        split = urllib.parse.urlsplit(target)
        said = f"{method} {target} was taken"
        template, item, values = self.find(split.path)
        operation = item["get" if method == "HEAD" else method.lower()]
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        sources = {"path": values, "query": query,
                   "header": {name.lower(): text for name, text in headers.items()}}
        named = set()
        for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]:
            parameter = self.resolve(parameter)
            where, name = parameter["in"], parameter["name"]
            named.add(name)
            value = sources.get(where, {}).get(name.lower() if where == "header" else name)
            if value is None:
                if parameter.get("required"):
                    raise ContractError(f"{said} without {name}, which is required")
                continue
            schema = self.resolve(parameter["schema"])
            self.check_value(f"{said}: {name}", schema, _typed(value, schema), False)
        for name in query.keys() - named:
            raise ContractError(f"{said} with {name}, which {template} does not document")
        described = self.resolve(operation.get("requestBody"))
        if not described:
            if body and json.loads(body) != {}:
                raise ContractError(f"{said} with a body, which is not documented")
        elif body:
            sort = (headers.get("Content-Type") or "").partition(";")[0].strip()
            if sort not in described["content"]:
                raise ContractError(f"{said} as {sort}, which is not documented")
            value = _accepted(json.loads(body), json.loads(answer or b"{}"))
            if value is not None:
                self.check_value(said, described["content"][sort]["schema"], value, False)
        elif described.get("required"):
            raise ContractError(f"{said} without a body, which is required")


def _decode(said, body):
    try:
        return json.loads(body)
    except ValueError:
        raise ContractError(f"{said} with what is no JSON: {body[:200]!r}") from None


def _accepted(value, answer):
    """What was asked without the items that were rejected; None when nothing is left."""
    verdicts = answer.get("results") or answer.get("synced") or []
    if "transactions" not in value or not verdicts:
        return value
    left = [item for item, verdict in zip(value["transactions"], verdicts, strict=True)
            if verdict["status"] != "rejected"]
    return {**value, "transactions": left} if left else None


def _typed(text, schema):
    """A header's or a query's text as what the schema asks for."""
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def load(path=DOCUMENT):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, _Loader)


@functools.cache
def contract():
    """The project's own document, read once."""
    return Contract(load())


def check_answer(method, target, status, headers, body):
    """For Api.check_answer."""
    contract().check_answer(method, target, status, headers, body)
