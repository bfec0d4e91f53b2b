"""`make check`: format, lint, types, import contracts, templates. All of them run; any that fails fails the
whole."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev.package import package
from dev.places import ROOT, STAGES

BIN = Path(sys.executable).parent


def main() -> int:
    """The number of checks that failed."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        # It takes as long as the checks of the code, and as many cores: one.
        packaging = beside.submit(lambda: [package(stage).template for stage in STAGES])
        checks: dict[str, Callable[[], list[str | Path]]] = {
            "format": lambda: [BIN / "ruff", "format", "--check", "--quiet", "--diff", "."],
            "lint": lambda: [BIN / "ruff", "check", "--quiet", "."],
            "import contracts": lambda: [BIN / "lint-imports", "--no-cache"],
            "types": lambda: [BIN / "mypy", "--no-error-summary"],
            "templates": lambda: [BIN / "cfn-lint", *packaging.result()],
        }
        failed = [name for name, command in checks.items() if not _passes(name, command())]
    print(f"{len(checks) - len(failed)} passed, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return len(failed)


def _passes(name: str, command: list[str | Path]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr)
    print(f"{name:18} {'FAILED' if done.returncode else 'ok':6} {time.monotonic() - began:5.1f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
