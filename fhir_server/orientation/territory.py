"""The communes of the territory that this server is for: the file that the settings name."""

from importlib.resources.abc import Traversable
from pathlib import Path

from fhir_server.orientation.communes import Communes, CommunesError, parse
from fhir_server.settings import Settings, SettingsError, config_folder


def load(settings: Settings) -> Communes:
    """The communes known here; none when the folder of settings has a territory without the file.

    Raises SettingsError for a file that is named and not there, and with every faulty line of one that is.
    """
    file = _file(settings)
    if not file.is_file():
        if settings.communes_file:
            raise SettingsError(f"communes_file: there is no file {settings.communes_file}")
        return Communes()
    try:
        return parse(file.read_text(encoding="utf-8-sig"))
    except (CommunesError, UnicodeDecodeError) as error:
        raise SettingsError("\n".join(f"{file.name}: {line}" for line in str(error).splitlines())) from None


def _file(settings: Settings) -> Traversable:
    named = settings.communes_file
    return Path(named) if named else config_folder(settings, "territory").joinpath("communes.csv")
