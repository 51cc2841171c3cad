"""A private authority and the certificates it gives, for tests of TLS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NOW = datetime.now(UTC)
_FROM, _UNTIL = _NOW - timedelta(days=1), _NOW + timedelta(days=30)


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key, as PEM files."""

    certificate: Path
    key: Path
    signed: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return self.signed.fingerprint(hashes.SHA256()).hex()


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(is_authority=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._signed = signed
        self.certificate = _write(folder / f"{name}.pem", signed.public_bytes(serialization.Encoding.PEM))

    def leaf(self, common_name: str, unit: str = "") -> Leaf:
        """A certificate for client and server use, good for 127.0.0.1 and localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        attributes += [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        signed = (
            self._builder(x509.Name(attributes), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_authority=False), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = self._folder / f"{signed.serial_number:x}"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = signed.public_bytes(serialization.Encoding.PEM)
        return Leaf(_write(stem.with_suffix(".crt"), certificate), _write(stem.with_suffix(".key"), private), signed)

    def revocation_list(self, revoked: Sequence[Leaf] = (), number: int = 1) -> Path:
        """A PEM file that says which certificates count no more; a list of a higher number is newer."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(_FROM + timedelta(minutes=number)).next_update(_UNTIL)
        for leaf in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(leaf.signed.serial_number).revocation_date(_FROM)
            builder = builder.add_revoked_certificate(entry.build())
        signed = builder.add_extension(x509.CRLNumber(number), critical=False).sign(self._key, hashes.SHA256())
        return _write(self._folder / "revoked.pem", signed.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_FROM)
            .not_valid_after(_UNTIL)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    return path
