"""The committed schema is what the committed definitions give."""

import gzip
from importlib.resources import files

from fhir_server.validation.generate import SCHEMA_PATH, generate, read, render


def test_schema_is_current() -> None:
    definitions = read(SCHEMA_PATH.with_name("definitions.json.gz"))

    # Compressed bytes may differ between versions of zlib: what they hold may not.
    assert render(generate(definitions)) == gzip.decompress(SCHEMA_PATH.read_bytes())


def test_schema_is_packed_without_a_date() -> None:
    packed = files("fhir_server.validation").joinpath("r4.schema.json.gz").read_bytes()

    assert bytes(4) == packed[4:8]
