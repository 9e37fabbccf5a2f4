# SPDX-License-Identifier: MIT
"""check.py ROOT: what no general linter knows about api/openapi.yaml.

Its examples name no member that their schemas do not; every problem of the front door has
an example in French and in English with the front door's own words; every response that
shows problems shows those of its status.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from support.openapi import Contract, ContractError, load  # noqa: E402



def texts(source):
    """The strings of a C initializer; those that stand beside each other are one."""
    return ["".join(re.findall(r'"([^"]*)"', one))
            for one in re.findall(r'(?:"[^"]*"\s*)+', source)]


def problems(root):
    """{code: (status, (title, detail) in French, in English)} as the sources have them."""
    rows = re.findall(r'\[(PROBLEM_\w+)\] = \{(\d+), "(\w+)"\}',
                      (root / "common/model/problem.c").read_text())
    table = (root / "api/problem.c").read_text().split("problem_texts[PROBLEM_COUNT] = {")[1]
    words = {name: texts(body) for name, body
             in re.findall(r"\[(PROBLEM_\w+)\] = \{(.*?)\n    \}", table, re.S)}
    found = {}
    for name, status, code in rows:
        title_fr, title_en, detail_fr, detail_en = words[name]
        found[code] = int(status), (title_fr, detail_fr), (title_en, detail_en)
    return found


def with_examples(node, path=()):
    """Everything that has a schema and examples of it."""
    if isinstance(node, dict):
        if "schema" in node:
            yield "/".join(map(str, path)), node
        for key, value in node.items():
            yield from with_examples(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from with_examples(value, (*path, number))


def check_examples(contract):
    for path, node in with_examples(contract.document):
        values = [contract.resolve(one)["value"] for one in node.get("examples", {}).values()]
        values += [node["example"]] if "example" in node else []
        for value in values:
            try:
                contract.check_value(path, node["schema"], value)
            except ContractError as wrong:
                yield str(wrong)
        if "/content/" in path and not values and path.endswith("json"):
            yield f"{path}: has no example"


def check_problems(contract, root):
    known = problems(root)
    schemas = contract.document["components"]["schemas"]
    examples = contract.document["components"]["examples"]
    if schemas["Problem"]["properties"]["code"]["enum"] != list(known):
        yield "schemas/Problem: its codes are not those of common/model/problem.c"
    fields = re.findall(r'\[FIELD_\w+\] = "(\w+)"',
                        (root / "common/model/problem.c").read_text())
    if schemas["FieldError"]["properties"]["code"]["enum"] != fields:
        yield "schemas/FieldError: its codes are not those of common/model/problem.c"
    for code, (status, french, english) in known.items():
        for name, (title, detail) in ((code, french), (f"{code}_en", english)):
            if name not in examples:
                yield f"examples/{name} is missing"
                continue
            value = examples[name]["value"]
            expected = {"type": "urn:tocsin:problem:" + code.replace("_", "-"),
                        "title": title, "status": status, "detail": detail, "code": code}
            for member, text in expected.items():
                if value[member] != text:
                    yield f"examples/{name}: {member} is not {text!r} as in api/problem.c"


def check_statuses(contract):
    """A response under 409 shows problems that are 409."""
    for path, item in contract.document["paths"].items():
        for method, operation in item.items():
            for status, response in (operation["responses"].items()
                                     if method != "parameters" else ()):
                content = contract.resolve(response).get("content", {})
                for example in content.get("application/problem+json", {}) \
                        .get("examples", {}).values():
                    value = contract.resolve(example)["value"]
                    if status not in ("default", str(value["status"])):
                        yield f"{method} {path}: {value['code']} stands under {status}"


def main(root):
    contract = Contract(load(root / "api/openapi.yaml"))
    complaints = [*check_examples(contract), *check_problems(contract, root),
                  *check_statuses(contract)]
    for complaint in complaints:
        print(f"api/openapi.yaml: {complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
