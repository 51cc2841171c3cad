"""The ids of options that `$find` proposes.

Nothing is stored for one: its id says all that holding or booking it needs.
It is sealed as cursors are (docs/decisions/0009-cursors.md) and bound to who asked: nobody else can use it, and none
can be made up. Two questions do not get the same ids, so that two patients of one partner do not share an option.
"""

import base64
import binascii
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.kernel.dates import Interval

#: Identifier system by which an Appointment says from which option it came.
OPTION = "urn:creneau:option"
#: A FHIR id has 64 characters: so many bytes, of which the seal takes 16. A shorter one is an id of another kind.
_MOST_BYTES, _LEAST_BYTES = 48 - 16, 26
_NONCE_BYTES = 2
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Option:
    """What is proposed: a slot, at the time that it had, for whom and about what."""

    #: Row key of the slot.
    slot: int
    start_ms: int
    #: The window that was asked for; whole minutes of it are kept.
    asked: Interval
    #: Row key of the ServiceRequest that it answers; 0 for none.
    referral: int = 0
    #: Row keys of the patients.
    patients: tuple[int, ...] = ()

    def is_at(self, start_ms: int) -> bool:
        """Whether a slot that begins then still is what was proposed."""
        return start_ms // _MINUTE == self.start_ms // _MINUTE


def write(seal: AESSIV, owner: str, option: Option) -> str | None:
    """The id of an option for a partner; None when it says more than an id can hold."""
    start, asked = option.start_ms // _MINUTE, (option.asked.low // _MINUTE, option.asked.high // _MINUTE)
    numbers = (option.slot, start, start - asked[0], asked[1] - asked[0], option.referral, *option.patients)
    plain = os.urandom(_NONCE_BYTES) + b"".join(map(_packed, numbers))
    if len(plain) > _MOST_BYTES:
        return None
    return base64.b64encode(seal.encrypt(plain, [_bound_to(owner)]), altchars=b"-.").decode().rstrip("=")


def read(seals: Iterable[AESSIV], owner: str, id_: str) -> Option | None:
    """The option that an id stands for; None for an id that is no option of this partner."""
    try:
        sealed = base64.b64decode(id_ + "=" * (-len(id_) % 4), altchars=b"-.", validate=True)
    except binascii.Error:
        return None
    plain = _opened(seals, owner, sealed) if len(sealed) >= _LEAST_BYTES else None
    if plain is None:
        return None
    slot, start, before, length, referral, *patients = _unpacked(plain[_NONCE_BYTES:])
    low = (start - before) * _MINUTE
    return Option(slot, start * _MINUTE, Interval(low, low + length * _MINUTE), referral, tuple(patients))


def _opened(seals: Iterable[AESSIV], owner: str, sealed: bytes) -> bytes | None:
    for seal in seals:
        try:
            return seal.decrypt(sealed, [_bound_to(owner)])
        except InvalidTag:
            continue
    return None


def _bound_to(owner: str) -> bytes:
    # No search is bound to this: what it is bound to begins with the owner.
    return b"\noption\n" + owner.encode()


def _packed(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have the eighth bit set."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _unpacked(plain: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in plain:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield number
            number = shift = 0
