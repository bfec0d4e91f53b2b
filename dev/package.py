"""Packages the app for a stage, exactly as it goes to AWS: `python -m dev.package prod` writes out/prod/.

Three steps, each kept for as long as what it was made from stays the same:
1. the libraries of requirements.txt, hashes checked, wheels that Lambda can load, without what nothing opens;
2. `chalice package` over the app with those libraries as its vendor/ folder, merged with infra/;
3. out/<stage>/template.json and out/<stage>/deployment.zip, put in place together.

Why not leave the libraries to Chalice: it takes 15 s at every change of a line of ours, checks no hash of a
wheel for another architecture, and puts 16 MB of service descriptions of botocore into the package.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.fragment import fragment
from dev.places import INFRA, ROOT, STAGES

# The services whose descriptions stay in botocore and boto3.
SERVICES = ("dynamodb", "events", "scheduler", "sesv2", "sns", "sqs")
FUNCTIONS = (
    "APIHandler", "Authorize", "Sweep", "Settle", "Orders", "Refunds", "Customers", "Publish", "Replay", "Observe",
    "Release", "Campaign", "Remind", "Notify",
)  # fmt: skip
OUT = ROOT / "out"
# Lambda's Python 3.11 runs on glibc 2.26, from 3.12 on it is 2.34: no wheel for a newer one.
GLIBC = 26 if sys.version_info < (3, 12) else 34
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True)
class Package:
    """What was packaged. `digest` changes when anything in it does."""

    stage: str
    template: Path
    code: Path
    digest: str


def architecture(stage: str) -> str:
    """arm64; on the local stage the host's own, since what was compiled must load there."""
    if stage == "local":
        return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
    return "arm64"


def package(stage: str) -> Package:
    """Packages a stage, or finds that out/<stage>/ holds it already. Safe to call from several processes at
    once."""
    OUT.mkdir(exist_ok=True)
    with _one_at_a_time():
        target, digest = OUT / stage, _digest(stage)
        packaged = Package(stage, target / "template.json", target / "deployment.zip", digest)
        stamp = target / "digest"
        if not stamp.exists() or stamp.read_text() != digest:
            with tempfile.TemporaryDirectory(dir=OUT) as made:
                _chalice_package(stage, Path(made))
                Path(made, "sam.json").rename(Path(made, "template.json"))
                Path(made, "digest").write_text(digest)
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(made, target)
        return packaged


def libraries(machine: str) -> Path:
    """A folder with the libraries of requirements.txt for an architecture, stripped; made if it is not
    there."""
    seen = hashlib.sha256(b"".join(path.read_bytes() for path in (ROOT / "requirements.txt", Path(__file__))))
    seen.update(repr((sys.version_info[:2], machine, sys.platform)).encode())
    folder = OUT / "libraries" / f"{machine}-{seen.hexdigest()[:16]}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            content = Path(made, "content")
            _install(content, machine)
            _strip(content)
            for old in folder.parent.glob(f"{machine}-*"):
                shutil.rmtree(old)
            content.rename(folder)
    return folder


def _install(folder: Path, machine: str) -> None:
    options = "-qq --disable-pip-version-check --no-compile --no-deps --require-hashes --only-binary=:all:".split()
    if sys.platform == "linux" or machine != architecture("local"):
        # Elsewhere the host's own wheels: the local stage then runs, though not on what Lambda would load.
        options += [f"--platform=manylinux_2_{minor}_{_MACHINES[machine]}" for minor in range(GLIBC, 16, -1)]
        options += [f"--platform=manylinux2014_{_MACHINES[machine]}"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", *options, "--target", folder]
    subprocess.run([*pip, "-r", ROOT / "requirements.txt"], check=True, stdout=sys.stderr)


def _strip(folder: Path) -> None:
    """Takes out what no function opens, most of all the descriptions of other services."""
    for library in ("botocore", "boto3"):
        for service in (folder / library / "data").iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    # Of cffi, cryptography needs the compiled _cffi_backend alone; the zones that dateutil brings nobody asks for, nor
    # for the models of pydantic 1.
    patterns = "bin boto3/examples cffi pycparser dateutil/zoneinfo/*.gz pydantic/v1 pydantic/mypy.py */RECORD */sboms"
    for pattern in patterns.split():
        for useless in folder.glob(pattern):
            shutil.rmtree(useless) if useless.is_dir() else useless.unlink()


def _chalice_package(stage: str, out: Path) -> None:
    """Runs Chalice over a clean copy: no interpreter's caches get in, and no two runs meet in .chalice/."""
    with tempfile.TemporaryDirectory(dir=OUT) as copied:
        project = Path(copied)
        for path in _app_files():
            target = project / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (project / "vendor").symlink_to(libraries(architecture(stage)))
        merge = project / "merge.json"
        merge.write_text(json.dumps(_merge_template(stage)))
        chalice: list[str | Path] = [Path(sys.executable).with_name("chalice"), "--project-dir", project]
        done = subprocess.run(
            [*chalice, "package", "--stage", stage, "--merge-template", merge, out],
            env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=project,
            capture_output=True,
            text=True,
        )
        if done.returncode or not (out / "sam.json").exists():
            raise SystemExit(f"chalice package --stage {stage} failed:\n{done.stdout}{done.stderr}")


def _merge_template(stage: str) -> dict[str, Any]:
    merge = fragment(stage)
    for function in FUNCTIONS:
        merge["Resources"][function]["Properties"]["Architectures"] = [architecture(stage)]
    return merge


def _app_files() -> list[Path]:
    code = [path for path in (ROOT / "chalicelib").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted([ROOT / "app.py", *code, *(ROOT / ".chalice").glob("*.json")])


def _digest(stage: str) -> str:
    seen = hashlib.sha256(repr((stage, architecture(stage), sys.version_info[:2], sys.platform)).encode())
    made_by = [
        ROOT / "requirements.txt",
        ROOT / "requirements-build.txt",
        ROOT / "dev" / "fragment.py",
        Path(__file__),
    ]
    for path in [*_app_files(), *sorted(INFRA.rglob("*.yaml")), *sorted(made_by)]:
        seen.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return seen.hexdigest()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    lock = os.open(OUT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in STAGES:
        raise SystemExit(f"which stage? one of {', '.join(STAGES)}")
    made = package(sys.argv[1])
    print(f"out/{made.stage}: {made.code.stat().st_size / 1e6:.1f} MB zipped, digest {made.digest[:12]}")
