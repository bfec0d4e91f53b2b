"""The running stack against its own description: whatever a fuzzer sends is answered as /openapi.json says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.places import ROOT
from dev.stack import Stack
from dev.tokens import mint
from tests.system.conftest import AsRole, built_in_settings, fresh_key

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
LIMIT_SECONDS = 240
SEED = os.environ.get("FUZZ_SEED", "2026")
"""What landed is not to turn red by what a generator thought of next: other seeds are for whoever looks for faults."""
ALICE = "v1/customers/alice/wallets/EUR"


@pytest.mark.slow
def test_a_fuzzer_finds_nothing_that_is_not_described(stack: Stack, data: Path, as_role: AsRole) -> None:
    owner = as_role("owner")
    credit = {"amount": 10**9, "kind": "manual", "reason": "fuzz", "expires": {"never": True}}
    assert owner.post(f"{ALICE}/credits", json=credit, headers=fresh_key()).status_code == 201
    command: list[str | Path] = [
        SCHEMATHESIS,
        "--config-file",
        CONFIG,
        "run",
        f"{stack.api}/openapi.json",
        "--seed",
        SEED,
        "--warnings",
        "off",
        "--url",
        stack.api,
    ]
    env = {**os.environ, "TOKEN": mint(data, "owner"), "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=data, env=env, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
        told = owner.get(f"{ALICE}/explanation").json()
        assert (told["consistent"], told["differences"]) == (True, [])
        assert told["entries_checked"] == told["wallet"]["version"] > 1
    finally:
        owner.delete("v1/test-clock")
        built_in_settings(owner)
