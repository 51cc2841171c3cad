"""Which message structure an event uses (HL7 table 0354), for senders that leave MSH-9.3 empty or invent one."""

from adapters.hl7v2.definitions import message_structure

#: Structure id -> events that use it; where versions differ an event stands under several, the first that exists wins.
_EVENTS = {
    "ADT_A05": "ADT: A05 A14 A28 A31",
    "ADT_A01": "ADT: A01 A04 A05 A08 A13 A14 A28 A31",
    "ADT_A02": "ADT: A02",
    "ADT_A03": "ADT: A03",
    "ADT_A06": "ADT: A06 A07",
    "ADT_A12": "ADT: A12",
    "ADT_A09": "ADT: A09 A10 A11 A12",
    "ADT_A15": "ADT: A15",
    "ADT_A16": "ADT: A16",
    "ADT_A21": "ADT: A21 A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A30": "ADT: A30 A34 A35 A36 A46 A47 A48 A49",
    "ADT_A38": "ADT: A38",
    "ADT_A39": "ADT: A39 A40 A41 A42",
    "ADT_A43": "ADT: A43 A44",
    "ADT_A45": "ADT: A45",
    "ADT_A50": "ADT: A50 A51",
    "ADT_A52": "ADT: A52 A53 A55",
    "ADT_A54": "ADT: A54",
    "SIU_S12": "SIU: S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27",
    "SRM_S01": "SRM: S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "SRR_S01": "SRR: S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "REF_I12": "REF: I12 I13 I14 I15",
    "RRI_I12": "RRI: I12 I13 I14 I15",
    "RQA_I08": "RQA: I08 I09 I10 I11",
    "RPA_I08": "RPA: I08 I09 I10 I11",
    "MDM_T01": "MDM: T01 T03 T05 T07 T09 T11",
    "MDM_T02": "MDM: T02 T04 T06 T08 T10",
    "ORU_R01": "ORU: R01",
    "QBP_Q21": "QBP: Q21 Q22 Q23 Q24",
    "RSP_K21": "RSP: K21 K22",
}


def _candidates() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for structure, row in _EVENTS.items():
        kind, _, triggers = row.partition(": ")
        for trigger in triggers.split():
            found[kind, trigger] = (*found.get((kind, trigger), ()), structure)
    return found


_STRUCTURES = _candidates()


def structure_id(version: str, kind: str, trigger: str, declared: str = "") -> str | None:
    """The structure of a message: by table 0354, else MSH-9.3, else `<code>_<event>`, else the code; None if undefined.

    The event decides before MSH-9.3, which senders fill by habit (`SIU_S13`).

    >>> structure_id("2.5", "ADT", "A04"), structure_id("2.3", "ADT", "A31"), structure_id("2.5", "ACK", "S12")
    ('ADT_A01', 'ADT_A01', 'ACK')
    """
    for name in (*_STRUCTURES.get((kind, trigger), ()), declared, f"{kind}_{trigger}", kind):
        if name and message_structure(version, name) is not None:
            return name
    return None
