"""Import CPU of each function against its bare libraries.

Each reading is a fresh interpreter's own CPU time, ours and bare in turns; medians. Counted is what Lambda loads while
the function starts: the API the whole application with its DynamoDB clients, the authorizer its module alone. Bare are
the libraries made ready, and no more: Chalice, pydantic with one model, one DynamoDB client. Bytecode is there for all
of it: a first round, not counted, has it written to a folder of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
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
    "api": "from chalice.app import Chalice, Blueprint, Response; from pydantic import BaseModel, ConfigDict, Field; "
    "M = type('M', (BaseModel,), {'__annotations__': {'amount': int}}); from pynamodb.models import Model; "
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
    with tempfile.TemporaryDirectory() as bytecode:
        env = {**os.environ, **environment(made), "PYTHONPATH": str(ROOT), "_HANDLER": "app.app"}
        env |= {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        return [_import(function, env) for function in OURS]


def _import(function: str, env: dict[str, str]) -> Import:
    rounds = [[_cpu_ms(code, env) for code in (OURS[function], BARE[function], "pass")] for _ in range(READINGS + 1)]
    ours, bare, nothing = (median(column) for column in zip(*rounds[1:], strict=True))
    return Import(function, ours - nothing, bare - nothing, (ours - nothing) / (bare - nothing))


def _cpu_ms(code: str, env: dict[str, str]) -> float:
    program = f"import time\n{code}\nprint(time.process_time() * 1000)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout.strip().splitlines()[-1])
