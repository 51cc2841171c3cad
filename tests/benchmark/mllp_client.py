"""MLLP for the load client: messages of one kind that all differ, and the codes of their acknowledgements."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from adapters.demo import templates

#: Doctors the messages name, in turns: those of the store's agendas.
DOCTORS = 200
_END = b"\x1c\r"


class AckReader:
    """Knows an answer's end by its frame, and its outcome by MSA-1."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> str:
        """The acknowledgement code once the whole frame is here."""
        self._octets += octets
        if not self._octets.endswith(_END):
            return ""
        found = self._octets.find(b"\rMSA|")
        code = self._octets[found + 5 : found + 7].decode() if found >= 0 else "no MSA"
        self._octets = b""
        return code


def frames(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Each message in its frame."""
    for message in messages:
        yield b"\x0b" + message + _END


def siu(number: int, run: str, now: datetime) -> bytes:
    """A hospital's SIU^S12 for a person and an appointment never heard of before: everything has to be written."""
    doctor_id, doctor_family = doctor(number)
    start = now + timedelta(days=1 + number % 90, minutes=15 * (number % 40))
    return templates.render(
        "hospital_S12",
        now=f"{now:%Y%m%d%H%M%S}",
        control_id=f"{run}{number:07d}",
        appointment=f"R{run}{number:07d}",
        start=f"{start:%Y%m%d%H%M}",
        end=f"{start + timedelta(minutes=15):%Y%m%d%H%M}",
        minutes="15",
        number=f"P{run}{number:07d}",
        ins=ins(number, run),
        family=f"Songerêve{number % 997}",
        given="Camille",
        birth_date=f"{1930 + number % 90}0328",
        birth_commune="96001",
        sex="F",
        phone=f"+3363998{number % 10_000:04d}",
        doctor_id=doctor_id,
        doctor_family=doctor_family,
        doctor_given="Camille",
    )


def ins(number: int, run: str) -> str:
    """Fifteen digits that no other run gives."""
    return f"{zlib.crc32(run.encode()) % 10**8:08d}{number:07d}"


def doctor(number: int) -> tuple[str, str]:
    """National number and family name of the doctor whose turn it is."""
    return f"899{number % DOCTORS:09d}", f"ESSAI{number % DOCTORS:03d}"
