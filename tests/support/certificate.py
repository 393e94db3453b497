"""A certificate authority for the length of a test session, made by openssl."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_EXTENSIONS = """\
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash

[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows; *ca_file* is for those who shall trust it."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def make_certificate(folder: Path, names: str = "DNS:localhost, IP:127.0.0.1") -> Certificate:
    """Make an authority and a certificate for a server of these names; without openssl the test is skipped."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt-get install openssl)")
    folder.mkdir(parents=True, exist_ok=True)
    extensions = folder / "extensions.cnf"
    extensions.write_text(_EXTENSIONS.format(names=names))
    for name, subject in (("ca", "/CN=voipmon test authority"), ("server", "/CN=localhost")):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.key")
        _openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", folder / f"{name}.csr")
    sign = ("x509", "-req", "-days", "30", "-extfile", extensions)
    _openssl(
        *sign, "-extensions", "authority", "-in", folder / "ca.csr", "-signkey", folder / "ca.key",
        "-out", folder / "ca.pem",
    )  # fmt: skip
    _openssl(
        *sign, "-extensions", "server", "-in", folder / "server.csr", "-CA", folder / "ca.pem",
        "-CAkey", folder / "ca.key", "-CAcreateserial", "-out", folder / "server.pem",
    )  # fmt: skip
    return Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
