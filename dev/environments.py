"""Makes the virtual environments: `python3 -m dev.environments run` or `... test`. Standard library only.

.venv      the app's libraries and what packages and deploys them; for `test`, the test tools as well
.venv-aws  MiniStack, which pins another botocore

Each is filled from a requirements file with hashes and stamped with what it was filled from, so that a second
start finds all in place and does nothing. The pip of .venv fills both, at the same time, once it is the one that
is pinned: the one that came with Python may take twice as long.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment and the requirements files of which any one will do; the first gets installed."""

    folder: Path
    requirements: tuple[Path, ...]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / "filled-from"

    def is_filled(self) -> bool:
        if not (self.python.exists() and self.stamp.exists()):
            return False
        return self.stamp.read_text() in {_content(self.folder, path) for path in self.requirements}

    def create(self, *options: str) -> None:
        """Leaves an environment of this Python; what is in it already stays."""
        if not self.python.exists() or _version(self.python) != _version(Path(sys.executable)):
            _run([Path(sys.executable), "-m", "venv", "--clear", *options, self.folder])

    def fill(self) -> None:
        """Leaves it filled and stamped, or, with pip's own words printed, without a stamp."""
        began = time.monotonic()
        self.stamp.unlink(missing_ok=True)
        try:
            self.create("--without-pip")
            _install(self.python, self.requirements[0])
        except subprocess.CalledProcessError:
            return
        self.stamp.write_text(_content(self.folder, self.requirements[0]))
        _say(f"filled {self.folder.name} in {time.monotonic() - began:.0f} s")


_BUILD, _DEV = ROOT / "requirements-build.txt", ROOT / "requirements-dev.txt"
# requirements-dev.txt holds all that requirements-build.txt does, in the same versions.
_APP = Environment(ROOT / ".venv", (_BUILD, _DEV))
_TEST = Environment(ROOT / ".venv", (_DEV,))
_AWS = Environment(ROOT / ".venv-aws", (ROOT / "dev" / "requirements-aws.txt",))
ENVIRONMENTS = {"run": (_APP, _AWS), "test": (_TEST, _AWS), "package": (_APP,)}


def make(purpose: str) -> None:
    """Fills what is missing for a purpose of ENVIRONMENTS. One process at a time; the others wait for it."""
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [environment for environment in ENVIRONMENTS[purpose] if not environment.is_filled()]
        if not missing:
            return
        _say(f"filling {' and '.join(environment.folder.name for environment in missing)} …")
        try:
            _APP.create()
            _install_pinned_pip()
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"could not make {_APP.folder.name}; see above") from error
        threads = [threading.Thread(target=environment.fill) for environment in missing]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failed = [environment.folder.name for environment in missing if not environment.is_filled()]
        if failed:
            raise SystemExit(f"could not fill {' and '.join(failed)}; see above")
    finally:
        os.close(lock)


def _install_pinned_pip() -> None:
    pinned = re.search(r"^pip==.*?(?=^\S|\Z)", _BUILD.read_text(), re.MULTILINE | re.DOTALL)
    if pinned:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
            requirements.write(pinned.group())
            requirements.flush()
            _install(_APP.python, Path(requirements.name))


def _install(python: Path, requirements: Path) -> None:
    options = "install -qq --disable-pip-version-check --no-compile --no-deps --require-hashes -r".split()
    _run([_APP.python, "-m", "pip", "--python", python, *options, requirements])


def _content(folder: Path, requirements: Path) -> str:
    """Changes with the requirements, the Python and the place (scripts in an environment name their own path)."""
    seen = hashlib.sha256(requirements.read_bytes())
    seen.update(repr((sys.version_info[:3], str(folder))).encode())
    return seen.hexdigest()


def _version(python: Path) -> str:
    asked = subprocess.run([python, "-c", "import sys; print(sys.version_info[:3])"], capture_output=True, text=True)
    return asked.stdout


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  # the one file that an older Python may meet
        raise SystemExit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; set PYTHON=…")
    make(sys.argv[1])
