"""Import CPU of each function against its bare libraries, and the size of the package.

Each reading is a fresh interpreter's own CPU time, ours and bare in turns; medians. Counted is what Lambda loads while
the function starts: the API the whole application with its DynamoDB clients, the authorizer its module alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from bench.workload import Bench, environment
from dev.places import ROOT

READINGS = 9

OURS = {
    "api": "from app import app; from chalicelib import wiring; c = wiring.engine().store.connections; "
    "c.reads.client; c.commits.client",
    "authorize": "from chalicelib.edge.authorizer import authorize; import chalicelib.edge.tokens",
}
BARE = {
    "api": "import chalice.app, pydantic; from pydantic import BaseModel; from pynamodb.models import Model; "
    "from pynamodb.connection import Connection; Connection(region='us-east-1').client",
    "authorize": "import chalice.app, jwt; from jwt import PyJWKClient; "
    "from cryptography.hazmat.primitives.asymmetric import rsa, ec",
}


@dataclass(frozen=True, slots=True)
class Import:
    """Milliseconds of CPU over an interpreter that imports nothing, and their ratio."""

    function: str
    ours_ms: float
    bare_ms: float
    ratio: float


def imports(made: Bench) -> list[Import]:
    env = {**os.environ, **environment(made), "PYTHONPATH": str(ROOT), "_HANDLER": "app.app"}
    told = []
    for function in OURS:
        ours, bare, nothing = [], [], []
        for _ in range(READINGS):
            ours.append(_cpu_ms(OURS[function], env))
            bare.append(_cpu_ms(BARE[function], env))
            nothing.append(_cpu_ms("pass", env))
        floor = median(nothing)
        ours_ms, bare_ms = median(ours) - floor, median(bare) - floor
        told.append(Import(function, ours_ms, bare_ms, ours_ms / bare_ms))
    return told


def _cpu_ms(code: str, env: dict[str, str]) -> float:
    program = f"import time\n{code}\nprint(time.process_time() * 1000)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout.strip().splitlines()[-1])
