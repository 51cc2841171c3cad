"""Invented messages of the kinds that real senders send: every type we met, every version, every habit, every fault."""

from collections.abc import Sequence
from dataclasses import dataclass

VISIT = "V%s^^^CH-DEMO^VN"
PERSON = "PID|1||%s^^^CH-DEMO&1.2.250.1.999.1&ISO^PI||ESSAI^Camille^^^^^L||19790328|F"
SCH = "SCH|P%s^GAM|F%s^GAM||||RDV^Rendez-vous|ROUTINE^^HL70276||20|min|^^20^20260303090000^20260303092000"
CONTACT = "10100001238^ESSAI^Ada^^^DR"


@dataclass(frozen=True, slots=True)
class Case:
    """One message and its right answer."""

    name: str
    octets: bytes
    #: `AA`, or MSA-1, ERR-3 and the place of ERR-2: `AE 101 SCH^1^11`. A message whose type or event has no plan is
    #: rightly answered AR 200 or AR 201 instead of `AA`.
    answer: str = "AA"
    #: MSH-10.
    control_id: str = ""


def message(
    kind: str,
    body: Sequence[str],
    number: str,
    *,
    version: str = "2.5",
    charset: str = "UNICODE UTF-8",
    end: str = "\r",
    codec: str = "utf-8",
) -> bytes:
    """A message of the demonstration's hospital."""
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||{kind}|{number}|P|{version}|||||FRA|{charset}"
    return "".join(line + end for line in (header, *body)).encode(codec)


def admission(number: str, event: str = "A01", *more: str) -> list[str]:
    """The segments of an ADT about a visit."""
    visit = f"PV1|1|I|URG^BOX3^1^CH-DEMO||||{CONTACT}{'|' * 12}{VISIT % number}{'|' * 25}20260302075500"
    return [f"EVN|{event}|20260302080000||||20260302075500", PERSON % number, visit, *more]


def movement(number: str, action: str = "INSERT", event: str = "A01") -> str:
    """The movement of IHE PAM France."""
    return f"ZBE|{number}^CH-DEMO|20260302075500||{action}|N|{event}|^^^^^^UF^^^5001||HMS"


def booking(number: str, *more: str, sch: str = SCH, status: str = "Booked") -> list[str]:
    """The segments of an SIU about an appointment."""
    head = sch % (number, number) if "%s" in sch else sch
    head += "|" * (25 - head.count("|")) + status
    return [head, PERSON % number, *(more or ("RGS|1", "AIS|1||CS^Consultation", f"AIP|1||{CONTACT}"))]


def _adt() -> list[Case]:
    events = [
        "A01",
        "A02",
        "A03",
        "A04",
        "A05",
        "A06",
        "A07",
        "A11",
        "A12",
        "A13",
        "A16",
        "A21",
        "A22",
        "A25",
        "A38",
        "A52",
        "A53",
        "A54",
        "A55",
    ]
    cases = [
        Case(f"ADT {event}", message(f"ADT^{event}", admission(f"T{event}", event, movement("9", event=event)), event))
        for event in events
    ]
    for event in ("A08", "A28", "A31"):
        cases.append(
            Case(f"ADT {event}", message(f"ADT^{event}", [*admission(f"T{event}", event)[:2], "PV1|1|N"], event))
        )
    merged = [*admission("T40")[:2], "MRG|T41^^^CH-DEMO^PI"]
    cases += [
        Case("ADT A40", message("ADT^A40^ADT_A39", merged, "A40")),
        Case(
            "ADT A44",
            message("ADT^A44^ADT_A43", [merged[0], merged[1] + "|" * 10 + "D40^^^CH-DEMO^AN", merged[2]], "A44"),
        ),
        Case("ADT A47", message("ADT^A47^ADT_A30", [*admission("T47")[:2], "MRG|T48^^^CH-DEMO^PI"], "A47")),
        Case("ADT Z99", message("ADT^Z99^ADT_A01", admission("TZ99", "Z99", movement("9", "UPDATE")), "Z99")),
    ]
    return cases


def _siu() -> list[Case]:
    bare = "SCH|P%s^GAM|F%s^GAM||||RDV|||20|min"
    return [
        Case("SIU S12, SCH-11", message("SIU^S12^SIU_S12", booking("S12"), "S12")),
        Case(
            "SIU S12, TQ1",
            message("SIU^S12", booking("S12b", "TQ1|1||||||20260303100000|20260303102000", "RGS|1", sch=bare), "S12b"),
        ),
        Case(
            "SIU S12, AIS alone",
            message("SIU^S12", booking("S12c", "RGS|1", "AIS|1||CS|20260303110000|||20|min", sch=bare), "S12c"),
        ),
        Case(
            "SIU S12, resources in two groups",
            message("SIU^S12", booking("S12d", "RGS|1", f"AIP|1||{CONTACT}", "RGS|2", "AIL|1||SNP^B1"), "S12d"),
        ),
        Case(
            "SIU S12, status in capitals", message("SIU^S12", booking("S12e", status="BOOKED"), "S12e", version="2.3.1")
        ),
        Case("SIU S13 unseen", message("SIU^S13", booking("S13"), "S13")),
        Case("SIU S14 unseen", message("SIU^S14", booking("S14"), "S14", version="2.8")),
        Case("SIU S12 without a time", message("SIU^S12", booking("S0", sch=bare), "S0"), "AE 101 SCH^1^11"),
        Case(
            "SIU S12 without a number",
            message("SIU^S12", booking("S1", sch="SCH|||||||||20|min|^^20^202603030900"), "S1"),
            "AE 101 SCH^1^2",
        ),
        Case("SIU S15 unseen, with its time", message("SIU^S15", booking("S15", status="Cancelled"), "S15")),
        Case(
            "SIU S12, a time to the day",
            message("SIU^S12", booking("S2", sch=bare + "|^^^20260303"), "S2"),
            "AE 102 SCH^1^11",
        ),
    ]


def _others() -> list[Case]:
    order = ["PID|1||777^^^CH-DEMO^PI||ESSAI^Camille", "ORC|NW|P77^GAM", f"OBR|1|P77^GAM||RX^Radio|||||||||||{CONTACT}"]
    referral = ["RF1|P|R|MED|||R77^GAM", f"PRD|RP|ESSAI^Ada||||||{CONTACT}", PERSON % "777"]
    kinds = {
        "SRM^S01^SRM_S01": ["ARQ|P9^GAM|||||RDV|||20|min|20260303090000", PERSON % "77", "RGS|1", "AIS|1|A|CS"],
        "SQM^S25^SQM_S25": ["QRD|20260302|R|I|Q1|||5^RD|ALL|SOF", "QRF|CPTS|202603030000|202603040000", "RGS|1"],
        "ORM^O01": order,
        "OMG^O19^OMG_O19": order,
        "OML^O21^OML_O21": order,
        "REF^I12^REF_I12": referral,
        "REF^I14^REF_I12": referral,
        "MFN^M02^MFN_M02": ["MFI|STF||UPD|||AL", "MFE|MAD|1||M1", "STF|M1|10100001238^^^RPPS|ESSAI^Ada"],
        "MFN^M05^MFN_M05": ["MFI|LOC||UPD|||AL", "MFE|MAD|1||L1", "LOC|SNP^B12|Box|C", "LDP|SNP|GEN"],
    }
    strange = {
        "ORU^R01^ORU_R01": ["PID|1||77^^^CH-DEMO^PI||ESSAI", "OBR|1||1|GLU", "OBX|1|NM|GLU||5.1|mmol/L|||||F"],
        "MDM^T02^MDM_T02": ["EVN|T02|2026", "PID|1||77^^^CH-DEMO^PI||ESSAI", "TXA|1|CR", r"OBX|1|TX|||Ligne\.br\Suite"],
        "VXU^V04^VXU_V04": ["PID|1||77^^^CH-DEMO^PI||ESSAI", "RXA|0|1|2026|2026|03"],
        "DFT^P03": ["EVN|P03|2026", "PID|1||77", "FT1|1"],
        "ZZZ^Z01": ["ZZ1|a|b"],
    }
    # Nobody publishes slots here: a well-made request for one is refused by the application.
    unmet = {"SRM^S01^SRM_S01": "AE 207"}
    cases = [
        Case(kind, message(kind, body, f"K{number}"), unmet.get(kind, "AA"))
        for number, (kind, body) in enumerate(kinds.items())
    ]
    for number, (kind, body) in enumerate(strange.items()):
        cases.append(Case(kind, message(kind, body, f"U{number}"), "AR 200 MSH^1^9"))
    return cases


def _versions() -> list[Case]:
    cases = []
    for version in ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5^FRA^2.11", "2.5.1", "2.6", "2.7", "2.8", "2.9", ""):
        number = f"V{version.replace('.', '').replace('^', '')}"
        cases.append(Case(f"version {version}", message("ADT^A28", admission(number)[:2], number, version=version)))
    return [
        *cases,
        Case("version 3.0", message("ADT^A28", admission("V3")[:2], "V3", version="3.0"), "AR 203 MSH^1^12"),
        Case(
            "processing id X",
            message("ADT^A28", admission("V4")[:2], "V4").replace(b"|P|2.5", b"|X|2.5"),
            "AR 202 MSH^1^11",
        ),
    ]


def _habits() -> list[Case]:
    """Ways of writing that are odd and can be understood."""
    plain = message("ADT^A28", admission("H1")[:2], "H1")
    accents = [admission("H2")[0], (PERSON % "H2").replace("Camille", "Hélène")]
    western, utf8 = (
        message("ADT^A28", accents, "H2", charset="8859/1", codec=codec) for codec in ("iso8859-1", "utf-8")
    )
    japanese = message(
        "ADT^A28", ["EVN||2026", "PID|1||H3^^^CH-DEMO^PI||山田^太郎"], "H3", charset="~ISO IR87", codec="iso2022_jp"
    )
    hashed = plain.translate(bytes.maketrans(b"|^~\\&", b"@~#!*"))
    cases = {
        "LF": plain.replace(b"\r", b"\n"),
        "CRLF": plain.replace(b"\r", b"\r\n"),
        "CR, then LF": plain.replace(b"\rPID", b"\nPID"),
        "no last CR": plain.rstrip(b"\r"),
        "zero bytes at the end": plain + b"\0\0",
        "blank lines": plain.replace(b"\r", b"\r\r"),
        "byte order mark": b"\xef\xbb\xbf" + plain,
        "frame left on": b"\x0b" + plain + b"\x1c\r",
        "other delimiters": hashed,
        "five delimiters": plain.replace(b"^~\\&", b"^~\\&#"),
        "two delimiters": plain.replace(b"^~\\&", b"^~"),
        "small letters": plain.replace(b"\rPID", b"\rpid"),
        "unknown segments": plain.replace(b"\rPID", b"\rXYZ|1\rZZZ|2\r??\rPID"),
        "segments in an odd order": plain.replace(b"EVN||20260302080000", b"NTE|1||x"),
        "surplus fields": plain + b"PD1" + b"|x" * 60 + b"\r",
        "glued segments": plain.rstrip(b"\r") + b"|" * 40 + b"NK1|1|ESSAI\r",
        "explicit nulls": plain.replace(b"|19790328|F", b'|""|""'),
        "escapes": plain.replace(b"Camille", rb"Ca\T\mi\F\l\S\le\R\\E\\X41\\H\\N\\Z1\\.br\ "),
        "an escape cut": plain.replace(b"Camille", rb"Cam\X4\ille" + b"\\"),
        "huge field": plain.replace(b"\rPID", b"\rNTE|1||" + b"x" * 300_000 + b"\rPID"),
        "ISO times": plain.replace(b"20260302080000", b"2026-03-02T08:00:00+01:00"),
        "an unknown day of birth": plain.replace(b"19790328", b"19790000"),
        "Latin letters": western,
        "UTF-8 under a Latin label": utf8,
        "no label, UTF-8": utf8.replace(b"8859/1", b""),
        "label one field late": utf8.replace(b"8859/1", b"|UNICODE UTF-8"),
        "unknown label": western.replace(b"8859/1", b"8859"),
        "Windows quotes": western.replace(b"ESSAI", b"d\x92ESSAI"),
        "Japanese": japanese,
        "accept and application acknowledgement asked": plain.replace(b"|2.5|||||", b"|2.5|||AL|AL|"),
        "no control id": plain.replace(b"|H1|P|", b"||P|"),
        "a message of 1999": plain.replace(b"20260302080000", b"199903020800"),
    }
    return [Case(name, octets, control_id="-") for name, octets in cases.items()]


def _faults() -> list[Case]:
    plain = message("ADT^A28", admission("F1")[:2], "F1")
    wide = plain.decode().encode("utf-16")
    return [
        Case("nothing", b"", "AR 100 MSH^1", "-"),
        Case("blanks", b" \r\n", "AR 100 MSH^1", "-"),
        Case("JSON", b'{"resourceType":"Patient"}', "AR 100 MSH^1", "-"),
        Case("XML", b"<ADT_A01><MSH/></ADT_A01>", "AR 100 MSH^1", "-"),
        Case("HTTP", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "AR 100 MSH^1", "-"),
        Case("no header", plain[plain.index(b"EVN") :], "AR 100 MSH^1", "-"),
        Case("header cut", b"MSH|^~", "AR 200 MSH^1^9", "-"),
        Case("no delimiters", b"MSH", "AR 100 MSH^1^2", "-"),
        Case("the same delimiter twice", plain.replace(b"^~\\&", b"^^\\&"), "AR 100 MSH^1^2", "-"),
        Case("no type", plain.replace(b"ADT^A28", b""), "AR 200 MSH^1^9"),
        Case("no event", plain.replace(b"ADT^A28", b"SIU"), "AR 201 MSH^1^9"),
        Case("UTF-16", wide, "AR 100 MSH^1^18", "F1"),
        Case("not the UTF-8 it claims", plain.replace(b"Camille", b"Ren\xe9"), "AR 100 MSH^1^18"),
        Case("no patient number", plain.replace(b"F1^^^CH-DEMO&1.2.250.1.999.1&ISO^PI", b""), "AE 101 PID^1^3"),
        Case("a birth date that is none", plain.replace(b"19790328", b"28/03/1979"), "AE 102 PID^1^7"),
        Case("two persons", plain + (PERSON % "F2").encode() + b"\r", "AE 100 PID^2"),
    ]


def cases() -> list[Case]:
    """Every case, in a fixed order."""
    return [*_adt(), *_siu(), *_others(), *_versions(), *_habits(), *_faults()]
