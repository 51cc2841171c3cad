"""The feed files that the package offers to begin with can be used as they stand."""

from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters import feeds as feed_files
from adapters.cli import main
from fhir_server.settings import load

FOLDER = Path(str(files("config") / "examples"))
FEEDS = feed_files.load(load({"CRENEAU_CONFIG_DIR": str(FOLDER)}), {})
DOCUMENT = (Path(__file__).parents[3] / "docs" / "feeds.md").read_text("utf-8")


def test_they_pass_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRENEAU_CONFIG_DIR", str(FOLDER))

    assert "Everything is in order.\n" == CliRunner().invoke(main, ["check"]).output


def test_each_has_a_port_of_its_own() -> None:
    shipped = feed_files.load(load({}), {})

    assert len({feed.port for feed in (*FEEDS, *shipped)}) == len(FEEDS) + len(shipped)


def test_they_open_no_port_where_they_stand() -> None:
    assert not {feed.name for feed in feed_files.load(load({}), {})} & {"hospital-pam-fr", "hospital-miscounted"}


@pytest.mark.parametrize("name", [feed.name for feed in FEEDS])
def test_each_is_documented(name: str) -> None:
    assert f"| `{name}.toml` |" in DOCUMENT


def test_a_fixer_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = (FOLDER / "feeds" / "hospital-miscounted.toml").read_text("utf-8")
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "odd.toml").write_text(text.replace('do = "insert"', 'do = "shuffle"'), "utf-8")

    with pytest.raises(Exception, match=r"feeds/odd\.toml: fixer at SCH-8: there is no fixer 'shuffle'"):
        feed_files.load(load({"CRENEAU_CONFIG_DIR": str(tmp_path)}), {})
