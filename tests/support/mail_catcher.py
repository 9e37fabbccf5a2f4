#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A mail server for development and tests: one file per message, faults on demand.

Each message becomes BOX/NNNNNN.eml, put there whole by rename, with Return-Path and
Delivered-To on top for the envelope. The faults file is read anew at every command, so
that a test can change it at any time; servers.Mail.fault describes what it may hold.
"""

import argparse
import asyncio
import json
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Catcher:
    """The handler of all connections."""

    def __init__(self, box, faults):
        self.box = box
        self.faults = faults
        self.spent = {}  # how often the faults file of this modification time was used
        kept = [int(path.stem) for path in box.glob("*.eml")]
        self.next_number = max(kept, default=0) + 1

    def fault(self, recipients, names):
        """The fault in force for these recipients, if it has one of the names."""
        try:
            stamp = self.faults.stat().st_mtime_ns
            fault = json.loads(self.faults.read_text())
        except FileNotFoundError:
            return {}
        if not any(name in fault for name in names):
            return {}
        if not any(fault.get("to", "") in recipient for recipient in recipients):
            return {}
        if self.spent.get(stamp, 0) >= fault.get("times", float("inf")):
            return {}
        self.spent[stamp] = self.spent.get(stamp, 0) + 1
        return fault

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        fault = self.fault([address], ("rcpt",))
        if "rcpt" in fault:
            return "{} {}".format(*fault["rcpt"])
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):
        fault = self.fault(envelope.rcpt_tos, ("data", "drop", "slow_ms"))
        if "slow_ms" in fault:
            await asyncio.sleep(fault["slow_ms"] / 1000)
        if "data" in fault:
            return "{} {}".format(*fault["data"])
        if fault.get("drop") != "lost":
            self.keep(envelope)
        if "drop" in fault:
            server.transport.abort()
        return "250 OK"

    def keep(self, envelope):
        name = f"{self.next_number:06d}.eml"
        self.next_number += 1
        head = f"Return-Path: <{envelope.mail_from}>\r\n" + "".join(
            f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
        unfinished = self.box / f".{name}"
        unfinished.write_bytes(head.encode() + envelope.original_content)
        unfinished.rename(self.box / name)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--box", type=Path, required=True)
    parser.add_argument("--faults", type=Path, required=True)
    parser.add_argument("--tls", choices=("none", "starttls", "implicit"), default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    return parser.parse_args()


async def serve(options):
    context = None
    if options.tls != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)

    def authenticate(_server, _session, _envelope, _mechanism, login):
        right = (login.login.decode(), login.password.decode()) == (
            options.user, options.password)
        return AuthResult(success=right, handled=False)

    catcher = Catcher(options.box, options.faults)
    loop = asyncio.get_running_loop()

    def connection():
        return SMTP(catcher, hostname="localhost", loop=loop, enable_SMTPUTF8=True,
                    tls_context=context if options.tls == "starttls" else None,
                    require_starttls=options.tls == "starttls",
                    authenticator=authenticate,
                    auth_required=options.user is not None,
                    auth_require_tls=options.tls == "starttls")

    server = await loop.create_server(
        connection, "127.0.0.1", options.port,
        ssl=context if options.tls == "implicit" else None)
    leave = asyncio.Event()
    for signal_number in (2, 15):
        loop.add_signal_handler(signal_number, leave.set)
    await leave.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(read_options()))
