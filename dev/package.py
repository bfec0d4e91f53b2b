"""Packages the app for a stage, exactly as it goes to AWS: `python -m dev.package prod` writes out/prod/.

Three steps, each kept for as long as what it was made from stays the same:
1. the libraries, for the functions and for the layer (see `libraries`);
2. `chalice package` over the app with those libraries as its vendor/ folder, merged with infra/;
3. out/<stage>/template.json, out/<stage>/deployment.zip and out/<stage>/statistics.zip, the layer: put in place
   together.

Why not leave the libraries to Chalice: it takes 15 s at every change of a line of ours, checks no hash of a
wheel for another architecture, and puts 16 MB of service descriptions of botocore into the package.
"""

import fcntl
import hashlib
import json
import os
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
from dev.libraries import APP, STATISTICS, architecture, layer, libraries
from dev.places import INFRA, OUT, ROOT, STAGES

FUNCTIONS = (
    "APIHandler", "Authorize", "Sweep", "Settle", "Orders", "Refunds", "Customers", "Publish", "Replay", "Observe",
    "Release", "Campaign", "Remind", "Notify", "Lift",
)  # fmt: skip
LAYER = "statistics.zip"


@dataclass(frozen=True, slots=True)
class Package:
    """What was packaged. `digest` changes when anything in it does."""

    stage: str
    template: Path
    code: Path
    layer: Path
    digest: str


def package(stage: str) -> Package:
    """Packages a stage, or finds that out/<stage>/ holds it already. Safe to call from several processes at
    once."""
    OUT.mkdir(exist_ok=True)
    with _one_at_a_time():
        target, digest = OUT / stage, _digest(stage)
        packaged = Package(stage, target / "template.json", target / "deployment.zip", target / LAYER, digest)
        stamp = target / "digest"
        if not stamp.exists() or stamp.read_text() != digest:
            with tempfile.TemporaryDirectory(dir=OUT) as made:
                _chalice_package(stage, Path(made))
                Path(made, "sam.json").rename(Path(made, "template.json"))
                shutil.copy(layer(stage), Path(made, LAYER))
                stamp.unlink(missing_ok=True)
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(made, target)
                # At last: what is cut short has none, and is made again.
                stamp.write_text(digest)
        return packaged


def _chalice_package(stage: str, out: Path) -> None:
    """Runs Chalice over a clean copy: no interpreter's caches get in, and no two runs meet in .chalice/."""
    with tempfile.TemporaryDirectory(dir=OUT) as copied:
        project = Path(copied)
        for path in _app_files():
            target = project / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (project / "vendor").symlink_to(libraries(stage, APP))
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
        APP,
        STATISTICS,
        ROOT / "requirements-build.txt",
        *(ROOT / "dev" / name for name in ("fragment.py", "libraries.py", "package.py")),
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
    code, beside = (path.stat().st_size / 1e6 for path in (made.code, made.layer))
    print(f"out/{made.stage}: {code:.1f} MB zipped, a layer of {beside:.1f} MB, digest {made.digest[:12]}")
