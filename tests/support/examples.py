# SPDX-License-Identifier: MIT
"""The examples of a page: its ```sh blocks run as one shell, and what was answered is
compared with the ```json or ```http block behind each.

Compared are names and types of all members, and their values, but for those that differ
from run to run (VOLATILE): of these the form.
"""

import email
import json
import re
import subprocess

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
VOLATILE = {"id", "token", "expires_at", "request_id", "client_secret", "payment_intent_id",
            "refund_id", "sold_at", "created_at", "synced_at", "last_seen_at", "secret", "url",
            "location_id", "location", "stripe_reader_id", "serial_number", "from", "to",
            "date", "batch_id", "received_at", "skew_ms"}
VOLATILE_HEADERS = {"location", "retry-after"}

# Keeps what each curl was answered beside what the page's own pipes see. -i is for people.
PRELUDE = r"""
set -euo pipefail
. "$DIRECTORY/env"
curl() {
    local words=() word record
    for word in "$@"; do [ "$word" = -i ] || words+=("$word"); done
    record=$(mktemp -d "$OUT/$BLOCK/$(date +%s%N).XXXXXX")
    touch "$record/body"
    command curl -sS -D "$record/headers" -o "$record/body" \
        -w '%{method} %{url} %{http_code}' "${words[@]}" >"$record/call"
    cat "$record/body"
}
jq() { command jq -e "$@"; } # what is not in an answer ends the run
"""


class Example:
    """A ```sh block, and the answer behind it: (kind, text), or None."""

    def __init__(self, number, script):
        self.number = number
        self.script = script
        self.answer = None
        self.directory = None

    def calls(self):
        """(method, url, status, headers, body) of each curl, in order."""
        found = []
        for record in sorted(self.directory.glob("*.*")):
            method, url, status = (record / "call").read_text().split()
            heads = (record / "headers").read_text().replace("\r\n", "\n").strip()
            # After "100 Continue" the answer's own come.
            lines = heads.split("\n\n")[-1].split("\n", 1)
            headers = email.message_from_string(lines[1] if len(lines) > 1 else "")
            found.append((method, url, int(status), headers, (record / "body").read_bytes()))
        return found

    def has_run(self):
        """Whether the shell came past it."""
        return (self.directory / "done").exists()

    def output(self):
        return (self.directory / "stdout").read_text()


def read(page):
    examples = []
    for kind, text in FENCE.findall(page):
        if kind == "sh":
            examples.append(Example(len(examples), text))
        elif kind in ("json", "http"):
            assert examples and examples[-1].answer is None, f"an answer to nothing:\n{text}"
            examples[-1].answer = kind, text
    return examples


def run(examples, directory, out, timeout_s=60.0):
    """Runs them in one shell with DIR/env; fails with the first that does."""
    script = PRELUDE
    for example in examples:
        example.directory = out / f"{example.number:03}"
        example.directory.mkdir(parents=True)
        script += (f"BLOCK={example.number:03}\n{{\n{example.script}\n}} "
                   '>"$OUT/$BLOCK/stdout"\ntouch "$OUT/$BLOCK/done"\n')
    environment = {"PATH": "/usr/bin:/bin", "DIRECTORY": str(directory), "OUT": str(out),
                   "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True,
                              text=True, timeout=timeout_s, check=False)
        failed, why = done.returncode != 0, done.stderr
    except subprocess.TimeoutExpired:
        failed, why = True, "it did not end"
    if failed:
        began = [one for one in examples if (one.directory / "stdout").exists()]
        last = began[-1] if began else examples[0]
        said = "\n".join(f"{method} {url} {status} {body[:2000].decode()}"
                         for method, url, status, _, body in last.calls()[-3:])
        raise AssertionError(f"this failed:\n{last.script}\n{said}\n{why}")


def check(example):
    """Whether what was printed is what the page shows."""
    if example.answer is None:
        for method, url, status, _, body in example.calls():
            assert status < 400, f"{method} {url} {status} {body[:2000]}"
        return
    kind, text = example.answer
    method, url, status, headers, _ = example.calls()[-1]
    said = f"{method} {url}"
    expected = text
    if kind == "http":
        head, _, expected = text.partition("\n\n")
        first, *lines = head.strip().split("\n")
        assert status == int(first.split(" ")[1]), said
        for name, value in (line.split(": ", 1) for line in lines):
            check_header(said, name, value, headers.get(name))
    else:
        assert status == 200, f"{said} {status} {example.output()}"
    if expected.strip():
        compare(json.loads(expected), json.loads(example.output()), said)
    else:
        assert example.output() == "", said


def check_header(said, name, expected, found):
    assert found is not None, f"{said}: no {name}"
    if name.lower() in VOLATILE_HEADERS:
        assert has_form(expected, found), f"{said}: {name}: {found}"
    else:
        assert found == expected, f"{said}: {name}"


def has_form(expected, found):
    """Whether a value that differs from run to run looks as it should: it is a moment or a
    day, an address, a path, or has the prefix (pi_) of the expected one."""
    if not isinstance(expected, str) or not isinstance(found, str):
        return type(expected) is type(found)
    if re.match(r"\d{4}-\d\d-\d\d", expected):
        return re.sub(r"\d", "0", found) == re.sub(r"\d", "0", expected)
    if expected.startswith("/"):
        varies = r"bat_[\w-]{24}|[0-9a-f]{32}|\d+"
        return re.sub(varies, "0", found) == re.sub(varies, "0", expected)
    return found.startswith(re.match(r"([a-z]+_|http)?", expected)[0])


def compare(expected, found, where):
    assert type(expected) is type(found), f"{where}: {found!r}, not {expected!r}"
    if isinstance(expected, dict):
        assert set(found) == set(expected), f"{where}: other members: {found}"
        for name, value in expected.items():
            if name in VOLATILE:
                assert has_form(value, found[name]), f"{where}.{name}: {found[name]!r}"
            else:
                compare(value, found[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(expected) == len(found), f"{where}: {found}"
        for number, value in enumerate(expected):
            compare(value, found[number], f"{where}[{number}]")
    else:
        assert expected == found, where
