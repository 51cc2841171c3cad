"""Which release of the software this is."""

from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """The version installed; `unreleased` when run from a checkout that was not installed."""
    try:
        return version("creneau")
    except PackageNotFoundError:
        return "unreleased"
