"""The libraries that are deployed: with each function those of requirements.txt, and as the layer of the one function
that measures lifts those of statistics.

Hashes are checked, wheels are such as Lambda can load, and what nothing opens is taken out. Each is kept in
out/libraries/ for as long as what it was made from stays the same.
"""

import compileall
import hashlib
import platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from dev.places import OUT, ROOT

# The services whose descriptions stay in botocore and boto3.
SERVICES = ("dynamodb", "events", "lambda", "scheduler", "sesv2", "sns", "sqs")
# Lambda's Python 3.11 runs on glibc 2.26, from 3.12 on it is 2.34: no wheel for a newer one.
GLIBC = 26 if sys.version_info < (3, 12) else 34
APP = ROOT / "requirements.txt"
STATISTICS = ROOT / ("requirements-statistics-3.11.txt" if GLIBC < 28 else "requirements-statistics.txt")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Of the layer: half the time of the usual level, for a twentieth more bytes.
_COMPRESSION = 4


def architecture(stage: str) -> str:
    """arm64; on the local stage the host's own, since what was compiled must load there."""
    if stage == "local":
        return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
    return "arm64"


def system(stage: str) -> str:
    """Lambda's; on the local stage the host's own. Where that is no Linux the local stage runs all the same, though not
    on what Lambda would load."""
    return sys.platform if stage == "local" else "linux"


def libraries(stage: str, requirements: Path) -> Path:
    """A folder with the libraries of a requirements file for a stage, stripped; made if it is not there."""
    seen = hashlib.sha256(b"".join(path.read_bytes() for path in (requirements, Path(__file__))))
    seen.update(repr(sys.version_info[:2]).encode())
    kind = f"{requirements.stem}-{system(stage)}-{architecture(stage)}"
    folder = OUT / "libraries" / f"{kind}-{seen.hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            content = Path(made, "content")
            _install(content, stage, requirements)
            if requirements == APP:
                _strip(content)
            else:
                _strip_statistics(content)
                _compile(content)
            for old in folder.parent.glob(f"{kind}-*"):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            content.rename(folder)
    return folder


def _compile(folder: Path) -> None:
    """Lambda keeps no compiled modules, so each start would compile a thousand of them anew: three seconds for one."""
    never_looked_back_at = py_compile.PycInvalidationMode.UNCHECKED_HASH
    # The folder that they are made in does not stand in them, or no two layers were the same.
    if not compileall.compile_dir(
        folder, quiet=2, invalidation_mode=never_looked_back_at, stripdir=folder, prependdir="/opt/python"
    ):
        raise SystemExit(f"what is in {folder} could not be compiled")


def layer(stage: str) -> Path:
    """The libraries of statistics as a layer, zipped; made if it is not there."""
    folder = libraries(stage, STATISTICS)
    zipped = folder.with_name(f"{folder.name}.zip")
    if not zipped.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            content = Path(made, "content.zip")
            with zipfile.ZipFile(content, "w") as files:
                for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                    # Always of the same date, so the same bytes: else each deployment had a new version of the layer.
                    entry = zipfile.ZipInfo(f"python/{path.relative_to(folder).as_posix()}")
                    entry.external_attr = 0o644 << 16
                    files.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, _COMPRESSION)
            content.rename(zipped)
    return zipped


def _install(folder: Path, stage: str, requirements: Path) -> None:
    options = "-qq --disable-pip-version-check --no-compile --no-deps --require-hashes --only-binary=:all:".split()
    if system(stage) == "linux":
        machine = _MACHINES[architecture(stage)]
        options += [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)]
        options += [f"--platform=manylinux2014_{machine}"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", *options, "--target", folder]
    subprocess.run([*pip, "-r", requirements], check=True, stdout=sys.stderr)


def _strip(folder: Path) -> None:
    """Takes out what no function opens, most of all the descriptions of other services."""
    for library in ("botocore", "boto3"):
        for service in (folder / library / "data").iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    # Of cffi, cryptography needs the compiled _cffi_backend alone; the zones that dateutil brings nobody asks for, nor
    # for the models of pydantic 1.
    patterns = "bin boto3/examples cffi pycparser dateutil/zoneinfo/*.gz pydantic/v1 pydantic/mypy.py */RECORD */sboms"
    # And of a service no former version, and no examples of how it is called.
    patterns += " botocore/data/lambda/2014-11-11 botocore/data/*/*/examples-1.json"
    for pattern in [*patterns.split(), "**/*.pyi"]:
        for useless in folder.glob(pattern):
            shutil.rmtree(useless) if useless.is_dir() else useless.unlink()
    for metadata in folder.glob("*/METADATA"):
        # What stands behind the headers is the library's page.
        metadata.write_text(metadata.read_text(encoding="utf-8").partition("\n\n")[0] + "\n", encoding="utf-8")


def _strip_statistics(folder: Path) -> None:
    """Takes out SciPy's own tests. (NumPy imports something of its tests.)"""
    for useless in [*folder.glob("scipy/**/tests"), *folder.glob("*/RECORD"), *folder.glob("bin")]:
        if useless.is_dir():
            shutil.rmtree(useless)
        else:
            useless.unlink(missing_ok=True)
