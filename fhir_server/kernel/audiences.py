"""Whom slots are meant for, for whom they may be kept, and how patients are seen: three closed lists.

Each code is a bit: one number tells all of a slot's codes, and one comparison asks for any of a partner's.
"""

from collections.abc import Iterable, Mapping

#: Code system of `Slot.meta.security`, as SAS reads it.
R314 = "https://mos.esante.gouv.fr/NOS/TRE_R314-TypeCreneau/FHIR/TRE-R314-TypeCreneau"

#: The general public, professionals, unplanned care by SAS, the CPTS's members.
AUDIENCES: Mapping[str, int] = {"PUBLIC": 1, "PRO": 2, "SNP": 4, "CPTS": 8}
#: Who may have direct access before others: the regulation centre, the emergency department.
HOLDERS: Mapping[str, int] = {"samu": 16, "emergency": 32}

#: How patients are seen there (v3-ActCode): at the place, at home, by teleconsultation.
KINDS: Mapping[str, int] = {"AMB": 64, "HH": 128, "VR": 256}
#: Code system of these in `serviceType`.
ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

#: What a slot without any code of R314 is taken to be meant for, and a partner is of unless its file says otherwise.
EVERYONE = frozenset(AUDIENCES)

_BITS = {**AUDIENCES, **HOLDERS, **KINDS}


def bits(codes: Iterable[str]) -> int:
    """The codes as one number; others than these count nothing.

    >>> bits(["PUBLIC", "CPTS", "samu"])
    25
    """
    return sum(_BITS.get(code, 0) for code in set(codes))
