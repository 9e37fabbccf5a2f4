# SPDX-License-Identifier: MIT
"""Certificates for tests: made on the spot by openssl, trusted by nobody else."""

import ssl
import subprocess
from pathlib import Path


class Certificate:
    """A certificate for localhost with its key, as files; signed by itself."""

    def __init__(self, directory, name="tls", days=30):
        self.file = Path(directory) / f"{name}.pem"
        self.key_file = Path(directory) / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", f"/CN={name}", "-days", str(days),
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", self.key_file, "-out", self.file)

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.file.read_text())

    def replace_by(self, other):
        """The files get the other's content, as a renewal would do it."""
        self.file.write_bytes(other.file.read_bytes())
        self.key_file.write_bytes(other.key_file.read_bytes())


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True,
                   timeout=60)
