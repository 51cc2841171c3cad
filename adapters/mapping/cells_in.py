"""The cells that inbound rows may name, with what each takes. The functions are in the modules beside."""

from collections.abc import Mapping

from adapters.mapping import codes_in, identifiers_in, people_in, times_in
from adapters.mapping.cell import Cell

CELLS: Mapping[str, Cell] = {
    "address": Cell(people_in.address, "parts", tables=1),
    "birth_place": Cell(people_in.birth_place, "parts"),
    "code": Cell(codes_in.code, tables=1),
    "coding": Cell(codes_in.coding, tables=1),
    "concept": Cell(codes_in.concept, "parts", tables=2),
    "concept_of": Cell(codes_in.concept_of, tables=1),
    "contact_point": Cell(people_in.contact_point, "parts", tables=2),
    "date": Cell(times_in.date),
    "date_time": Cell(times_in.date_time),
    "earliest": Cell(times_in.earliest, "all"),
    "end_after": Cell(times_in.end_after, "texts", tables=1),
    "end_after_interval": Cell(times_in.end_after_interval, tables=1),
    "entity_identifier": Cell(identifiers_in.entity_identifier, "parts", tables=1, has_argument=True),
    "flag": Cell(codes_in.flag),
    "foreign_concept": Cell(codes_in.foreign_concept, "parts", tables=2),
    "former_identifier": Cell(identifiers_in.former_identifier, "parts", tables=2, has_argument=True),
    "french_name": Cell(people_in.french_name, "parts", tables=1),
    "human_name": Cell(people_in.human_name, "parts", tables=1),
    "identifier": Cell(identifiers_in.identifier, "parts", tables=2, has_argument=True),
    "identity_status": Cell(codes_in.identity_status, tables=1),
    "instant": Cell(times_in.instant),
    "integer": Cell(codes_in.integer),
    "known_code": Cell(codes_in.known_code, tables=1),
    "known_concept": Cell(codes_in.known_concept, "parts", tables=2),
    "language": Cell(people_in.language, tables=1),
    "licence": Cell(identifiers_in.licence, "parts", tables=2),
    "lines": Cell(codes_in.lines, "all"),
    "link": Cell(codes_in.link, "label", has_argument=True),
    "minutes": Cell(times_in.minutes, "texts", tables=1),
    "organization_identifier": Cell(identifiers_in.organization_identifier, "parts", tables=2),
    "patient_identifier": Cell(identifiers_in.patient_identifier, "parts", tables=3, has_argument=True),
    "person_display": Cell(people_in.person_display, "parts"),
    "person_identifiers": Cell(identifiers_in.person_identifiers, "parts", tables=2, has_argument=True),
    "person_name": Cell(people_in.person_name, "parts"),
    "place_identifier": Cell(people_in.place_identifier, "parts"),
    "place_name": Cell(people_in.place_name, "parts"),
    "reference": Cell(codes_in.reference, "label"),
    "referral_key": Cell(identifiers_in.referral_key, "parts", has_argument=True),
    "text": Cell(codes_in.text),
}
