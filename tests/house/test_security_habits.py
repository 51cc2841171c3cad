"""What a security officer would look for in the files: secrets, loose dependencies, answers without their headers."""

import configparser
import csv
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from fhir_server.app import create_app
from fhir_server.bootstrap import Services

ROOT = Path(__file__).parents[2]
#: What a secret looks like, whatever it opens.
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}"),
    "a private JWK": re.compile(r'"d"\s*:\s*"[A-Za-z0-9_-]{20,}"'),
    "a signed token": re.compile(r"eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}"),
    "a cloud key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of a forge": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,})\b"),
    "a password in an address": re.compile(
        r"[a-z]+://[^/\s:@\"']+:(?!password@|secret@|\$|\{|<)[^/\s@\"'{}$]{6,}@[a-z0-9]"
    ),
    "a password given": re.compile(r"(?i)(?:password|passwd|client_secret|api_key)\s*=\s*[\"'][^\"'{}\s]{8,}[\"']"),
}
#: File and reason of each that opens nothing.
HARMLESS = {
    "adapters/demo/day.py": "the demonstration's secret is public",
    "docs/settings.md": "shows where a password stands",
}
ADVISORIES = list(csv.DictReader((Path(__file__).parent / "advisories.csv").read_text().splitlines()))


def tracked() -> list[Path]:
    """The files of the repository; in a copy without its history, those that would be."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    folders = ("fhir_server", "adapters", "config", "mappings", "docs", "tests")
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def found_in(text: str) -> list[str]:
    return [name for name, shape in SECRETS.items() if shape.search(text)]


def test_no_file_holds_a_secret() -> None:
    found = {}
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in (".gz", ".pyc", ".png", ".whl") or name in HARMLESS or path == Path(__file__):
            continue
        kinds = found_in(path.read_text("utf-8", errors="replace"))
        found |= {name: kinds} if kinds else {}

    assert {} == found


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49",
        '{"kty": "EC", "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}',
        "Bearer "
        + ".".join(["eyJhbGciOiJFUzI1NiIsInR5", "eyJzdWIiOiJhIiwiZXhwIjox", "c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"]),
        "postgresql://creneau:hunter2hunter2@db.example/creneau",
        'password = "correct-horse"',
    ],
)
def test_a_secret_would_be_found(text: str) -> None:
    assert found_in(text)


def requirements() -> list[Requirement]:
    """What the product needs to run."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return [Requirement(line) for line in setup["options"]["install_requires"].split("\n") if line.strip()]


def test_every_dependency_is_bounded_and_as_asked() -> None:
    for requirement in requirements():
        bounds = {one.operator for one in requirement.specifier}
        # The time zones are data, and the newest is the best.
        assert bounds >= {">=", "<"} or requirement.name == "tzdata", requirement
        assert requirement.specifier.contains(version(requirement.name)), requirement


@pytest.mark.parametrize("row", ADVISORIES, ids=lambda row: row["advisory"])
def test_nothing_known_as_faulty_is_installed_or_allowed(row: dict[str, str]) -> None:
    fixed = Version(row["fixed_in"])
    lowest = [
        Version(one.version)
        for requirement in requirements()
        if requirement.name.lower() == row["package"].lower()
        for one in requirement.specifier
        if one.operator == ">="
    ]
    try:
        installed = Version(version(row["package"]))
    except PackageNotFoundError:
        pytest.skip("is not installed")

    assert installed >= fixed
    assert all(one >= fixed for one in lowest), f"{row['package']} below {fixed} may be installed: {row['about']}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/fhir/metadata"),
        ("GET", "/.well-known/smart-configuration"),
        ("GET", "/fhir/Patient/absent"),
        ("POST", "/oauth/token"),
        ("GET", "/sas/Slot"),
        ("GET", "/nowhere"),
        ("DELETE", "/fhir/Slot/x"),
    ],
)
def test_every_answer_has_its_headers(services: Services, method: str, path: str) -> None:
    answer = create_app(services).test_client().open(path, method=method)
    is_public = path in ("/fhir/metadata", "/.well-known/smart-configuration")

    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert answer.headers["X-Request-Id"]
    assert "no-referrer" == answer.headers["Referrer-Policy"]
    assert "default-src 'none'; frame-ancestors 'none'; sandbox" == answer.headers["Content-Security-Policy"]
    assert ("no-store" in answer.headers["Cache-Control"]) is not is_public
    assert not {"X-Powered-By", "Set-Cookie"} & set(answer.headers)


def test_over_tls_browsers_are_told_to_stay_with_it(services: Services) -> None:
    client = create_app(services).test_client()
    by_tls, plain = (client.get("/health", base_url=f"{scheme}://localhost").headers for scheme in ("https", "http"))

    assert "max-age=31536000" == by_tls["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in plain
