"""The invented people of one day: doctors of the territory, and patients whose identities differ from run to run.

The INS has the shape of the national number (13 digits and a key) under the test OID 1.2.250.1.213.1.4.10, with a
department of birth (96) that France does not use.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from adapters.demo import tables

#: Identifier system of the test INS.
INS_TEST = "urn:oid:1.2.250.1.213.1.4.10"

_SYSTEMS, _EXTENSIONS = (
    "https://hl7.fr/ig/fhir/core/CodeSystem/",
    "https://hl7.fr/ig/fhir/core/StructureDefinition/",
)
_TYPES = f"{_SYSTEMS}fr-core-cs-v2-0203"
_COMMUNES = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"
_SEXES = {"1": "male", "2": "female"}
_HL7_SEXES = {"1": "M", "2": "F"}


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient."""

    family: str
    given: str
    #: The 15 characters of the INS: sex, year, month, commune, order, key.
    ins: str
    #: Number in the sender's own books: a hospital's IPP, a dispatch's file.
    number: str
    phone: str

    @property
    def birth_date(self) -> date:
        """The first of the month that the INS names; every person here was born in the 1970s to 1990s."""
        return date(1900 + int(self.ins[1:3]), int(self.ins[3:5]), 1)

    def hl7(self) -> dict[str, str]:
        """What the message templates ask of a person."""
        return {
            "family": self.family.upper(),
            "given": self.given.upper(),
            "ins": self.ins,
            "number": self.number,
            "phone": self.phone,
            "birth_date": f"{self.birth_date:%Y%m%d}",
            "birth_commune": self.ins[5:10],
            "sex": _HL7_SEXES[self.ins[0]],
        }

    def patient(self) -> dict[str, Any]:
        """The person as an FHIR Patient, as a teleconsultation vendor knows them."""
        return {
            "resourceType": "Patient",
            "extension": [self._qualified(), self._born()],
            "identifier": [
                {"use": "usual", "system": "https://teleconsultation.example/patient", "value": self.number},
                {
                    "use": "official",
                    "type": {"coding": [{"system": _TYPES, "code": "INS-NIR-TEST"}]},
                    "system": INS_TEST,
                    "value": self.ins,
                },
            ],
            "name": [{"use": "official", "family": self.family, "given": [self.given]}],
            "telecom": [{"system": "phone", "value": self.phone, "use": "mobile"}],
            "gender": _SEXES[self.ins[0]],
            "birthDate": self.birth_date.isoformat(),
        }

    def _qualified(self) -> dict[str, Any]:
        """How far the identity is to be trusted: an INS goes with a qualified one alone."""
        status = {"url": "identityStatus", "valueCoding": {"system": f"{_SYSTEMS}fr-core-cs-v2-0445", "code": "VALI"}}
        return {"url": f"{_EXTENSIONS}fr-core-identity-reliability", "extension": [status]}

    def _born(self) -> dict[str, Any]:
        """The place of birth, which the INS names."""
        commune = {"system": _COMMUNES, "code": self.ins[5:10]}
        place = {"extension": [{"url": f"{_EXTENSIONS}fr-core-address-insee-code", "valueCoding": commune}]}
        return {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": place}


def doctor(number: int) -> dict[str, str]:
    """What the message templates ask of a doctor: that one of the territory's list, counted from 0."""
    row = [row for row in tables.read().practitioners if row["profession"] == "doctor"][number]
    return {
        "doctor_id": f"8{row['rpps']}",
        "doctor_family": row["family"].upper(),
        "doctor_given": row["given"].upper(),
    }


def make_ins(serial: int, sex: str) -> str:
    """The test INS number `serial` of a sex (`1` male, `2` female), with its key: 97 less the remainder by 97.

    >>> make_ins(0, "2")
    '270019600100171'
    """
    serial, order = divmod(serial, 999)
    serial, commune = divmod(serial, 121)
    serial, month = divmod(serial, 12)
    number = f"{sex}{70 + serial % 30}{month + 1:02d}96{commune + 1:03d}{order + 1:03d}"
    return f"{number}{97 - int(number) % 97:02d}"
