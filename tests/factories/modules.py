"""Simulated security modules on loopback, as many as a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gridtill.drivers.security.module.access import ModuleAccess, ModuleWaits
from gridtill.drivers.security.module.driver import ModuleIssuer
from gridtill.sim.module.faults import Faults
from gridtill.sim.module.making import SimulatedModule
from gridtill.sim.module.memory import Memory
from gridtill.sim.module.server import LinkTerms, ModuleServer

SECRET = "what both sides know of each other"
TERMS = LinkTerms(SECRET, late_s=0.3)
KEYS = {("201457", 1, 2, 2014): b"a secret of 20 bytes"}
# For tests of silence only, which would take long otherwise; a busy machine may answer later than that.
SHORT = ModuleWaits(connect_s=10.0, link_s=10.0, answer_s=0.8, state_s=5.0)
LONG = ModuleWaits(connect_s=10.0, link_s=30.0, answer_s=30.0, state_s=5.0)


@contextmanager
def served(keys=KEYS, *, state=None, licence=None, faults=None, address=("127.0.0.1", 0), **terms):
    """Serve a module with these keys while the block runs."""
    memory = Memory(state)
    module = SimulatedModule(keys, memory, licence=licence)
    server = ModuleServer(module, replace(TERMS, **terms), faults or Faults(), address)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        memory.close()


@contextmanager
def issuer_for(*servers, waits=LONG, **access) -> Iterator[ModuleIssuer]:
    """Return a driver that asks these servers, or addresses, while the block runs."""
    endpoints = tuple(getattr(server, "address", server) for server in servers)
    issuer = ModuleIssuer(ModuleAccess(endpoints, **{"secret": SECRET, **access}), waits)
    try:
        yield issuer
    finally:
        issuer.close()


def new_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Write a certificate for 127.0.0.1 that signs itself: what to trust, what to show, and its key."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "module of the tests")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "module.pem", folder / "module.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, certificate, secret
