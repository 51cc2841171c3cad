"""The table of communes: what is found in it, and what is wrong with one."""

from pathlib import Path

import pytest

from fhir_server import settings
from fhir_server.orientation import territory
from fhir_server.orientation.communes import Communes, CommunesError, parse
from fhir_server.settings import SettingsError

HEAD = "code,name,latitude,longitude,postal_codes\n"
LINES = """\
2A004,Ajaccio,41.9257,8.7400,20000 20090
69123,Lyon,45.7580,4.8351,69001
69266,Villeurbanne,45.7719,4.8902,69100
"""


def test_a_commune_is_found_by_its_code_or_by_its_address() -> None:
    communes = parse(HEAD + LINES + "69001,Affoux,45.8458,4.4155,69100\n")

    villeurbanne = communes.of_code("69266")
    assert villeurbanne is not None
    assert villeurbanne == communes.of_address("69100", "VILLEURBANNE")
    assert communes.of_address("20090") == communes.of_code("2A004")
    assert communes.of_address("69001", "somewhere") == communes.of_code("69123")
    assert communes.of_address("75001") is None
    assert communes.of_code("75056") is None
    between = communes.of_address("69100", "somewhere")
    assert between is not None
    assert (between.name, between.code) == ("69100", "")
    affoux = communes.of_code("69001")
    assert affoux is not None
    assert 0 < between.metres(villeurbanne) < affoux.metres(villeurbanne)


def test_distances_are_of_the_centres_both_ways_to_a_hundred_metres() -> None:
    communes = parse(HEAD + LINES)
    lyon, other = communes.by_code["69123"], communes.by_code["69266"]

    assert lyon.metres(other) == other.metres(lyon) == 4500
    assert lyon.metres(lyon) == 0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,Lyon,45.7,4.8,69001", "line 2: code:"),
        ("69123,,45.7,4.8,69001", "line 2: name:"),
        ("69123,Lyon,95.7,4.8,69001", "line 2: latitude:"),
        ("69123,Lyon,45.7,,69001", "line 2: longitude:"),
        ("69123,Lyon,45.7,nan,69001", "line 2: longitude:"),
        ("69123,Lyon,45.7,4.8,", "line 2: postal_codes:"),
        ("69123,Lyon,45.7,4.8,6900", "line 2: postal_codes:"),
        ("69123,Lyon", "line 2: latitude:"),
        ("69123,Lyon,45.7,4.8,69001\n69123,Lyon,45.7,4.8,69001", "line 3: code: 69123 stands twice"),
    ],
)
def test_a_table_that_cannot_be_used_says_which_line(line: str, problem: str) -> None:
    with pytest.raises(CommunesError, match=problem):
        parse(HEAD + line)


def test_a_table_needs_its_columns_and_may_have_others() -> None:
    with pytest.raises(CommunesError, match="'postal_codes'"):
        parse("code,name,latitude,longitude\n")
    with pytest.raises(CommunesError, match="'code'"):
        parse("")
    assert len(parse("population," + HEAD + "12," + LINES.splitlines()[0]).by_code) == 1


def test_the_settings_name_the_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(HEAD + LINES)
    environment = {"CRENEAU_COMMUNES_FILE": str(file)}

    assert "69123" in territory.load(settings.load(environment)).by_code
    assert "96002" in territory.load(settings.load({})).by_code
    file.write_text(HEAD + "x")
    with pytest.raises(SettingsError, match=r"mine\.csv: line 2"):
        territory.load(settings.load(environment))
    file.unlink()
    with pytest.raises(SettingsError, match="communes_file"):
        territory.load(settings.load(environment))


def test_a_folder_of_settings_has_its_own_territory(tmp_path: Path) -> None:
    (tmp_path / "territory").mkdir()
    environment = {"CRENEAU_CONFIG_DIR": str(tmp_path)}

    assert territory.load(settings.load(environment)) == Communes()
    (tmp_path / "territory" / "communes.csv").write_text(HEAD + LINES, encoding="utf-8-sig")
    assert len(territory.load(settings.load(environment)).by_code) == 3
