# SPDX-License-Identifier: MIT
"""Server-Sent Events, as a browser reads them."""


def parse(lines):
    """(name, data) of each event in an iterable of lines, which are bytes. Comments keep a
    connection alive and are left out; an event that was cut off is none."""
    name, data = "message", []
    for line in lines:
        text = line.decode().rstrip("\r\n")
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not text:
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
