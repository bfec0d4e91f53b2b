"""`make lock`: pins the newest versions that go together, with hashes, into the requirements files.

Most are bound by those before them, so that what is tested is what is deployed.
"""

import os
import subprocess
import sys
from pathlib import Path

from dev.places import ROOT

FILES = {
    "app": "requirements.txt",
    "statistics": "requirements-statistics.txt",
    "statistics-3.11": "requirements-statistics-3.11.txt",
    "build": "requirements-build.txt",
    "dev": "requirements-dev.txt",
    "aws": "dev/requirements-aws.txt",
}
# No place to load from gets into the files: each machine has its own.
OPTIONS = [
    "--quiet", "--upgrade", "--generate-hashes", "--allow-unsafe", "--strip-extras",
    "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host",
]  # fmt: skip


def main() -> None:
    """Raises CalledProcessError, with pip-compile's words printed, when versions do not go together."""
    for name, target in FILES.items():
        print(target, flush=True)
        command: list[str | Path] = [Path(sys.executable).with_name("pip-compile"), *OPTIONS]
        subprocess.run(
            [*command, f"dev/requirements/{name}.in", "--output-file", target],
            cwd=ROOT,
            check=True,
            env={**os.environ, "CUSTOM_COMPILE_COMMAND": "make lock"},
        )


if __name__ == "__main__":
    main()
