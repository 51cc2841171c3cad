"""`creneau check` reads the table of communes, and says each line that cannot be used."""

from pathlib import Path

from adapters.commands import check
from fhir_server import settings


def test_a_faulty_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "communes.csv"
    file.write_text("code,name,latitude,longitude,postal_codes\n69123,Lyon,x,4.8,69001\n69266,,45.7,4.9,69100\n")

    problems = check(settings.load({"CRENEAU_COMMUNES_FILE": str(file)}))

    assert problems == [
        "communes.csv: line 2: latitude: a number of degrees, at most 90",
        "communes.csv: line 3: name: a commune has one",
    ]


def test_what_the_package_ships_is_in_order() -> None:
    assert check(settings.load({})) == []
