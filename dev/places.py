"""Where things lie in a checkout. Everything else asks here, so that a move is one line."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP_PYTHON = ROOT / ".venv" / "bin" / "python"
AWS_PYTHON = ROOT / ".venv-aws" / "bin" / "python"
INFRA = ROOT / "infra"
OUT = ROOT / "out"
STAGES = ("local", "dev", "prod")


def data_folder() -> Path:
    """Where the local stack keeps what it stores: $DATA, or .local in the checkout."""
    return ROOT / os.environ.get("DATA", ".local")
