"""The wheel, installed outside the checkout, finds its own mappings and configuration."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("fhir_server", "adapters", "mappings", "config")


def test_the_wheel_reads_its_own_mappings_and_config(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    _run(sys.executable, *build)
    (wheel,) = tmp_path.glob("creneau-*.whl")

    # Dependencies are borrowed from this environment by a path, which does not run its editable-install hooks.
    outside = tmp_path / "outside"
    venv.create(outside, with_pip=False)
    library = next((outside / "lib").glob("python*/site-packages"))
    shutil.unpack_archive(wheel, library, "zip")
    (library / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])

    python = str(outside / "bin" / "python")
    checked = _run(python, "-m", "adapters.cli", "check", cwd=tmp_path)
    origin = _run(python, "-c", "import mappings, config; print(mappings.__file__, config.__file__)", cwd=tmp_path)

    assert checked == "Everything is in order.\n"
    assert all(path.startswith(str(library)) for path in origin.split())


def _run(*command: str, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CRENEAU"))}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
