"""`make check`: format, lint, types, import contracts, templates. All of them run; any that fails fails the
whole."""

import subprocess
import sys
import time
from pathlib import Path

from dev.package import package
from dev.places import ROOT, STAGES

BIN = Path(sys.executable).parent


def main() -> int:
    """The number of checks that failed."""
    templates = [package(stage).template for stage in STAGES]
    checks: dict[str, list[str | Path]] = {
        "format": [BIN / "ruff", "format", "--check", "--quiet", "--diff", "."],
        "lint": [BIN / "ruff", "check", "--quiet", "."],
        "import contracts": [BIN / "lint-imports", "--no-cache"],
        "types": [BIN / "mypy", "--no-error-summary"],
        "templates": [BIN / "cfn-lint", *templates],
    }
    failed = [name for name, command in checks.items() if not _passes(name, command)]
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
