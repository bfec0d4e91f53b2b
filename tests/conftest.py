"""What every tier shares: the seeds of random tests.

Nothing random is hidden. Simulations take their seeds from here: drawn anew for each run, shown in the header and in
the name of each test, and replayed one at a time with `pytest tests/model --seed N`. Hypothesis prints its own blob
with a failure, and takes `--hypothesis-seed`.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.seeds import first_seed

pytest.register_assert_rewrite("tests.invariants", "tests.passbook", "tests.model")

settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile(
    "ci",
    deadline=None,
    print_blob=True,
    database=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "default")

SEEDS = int(os.environ.get("SEEDS", "60"))
"""Walks of a simulation in one run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="replay the simulations with this one seed")


def pytest_configure(config: pytest.Config) -> None:
    given = config.getoption("--seed")
    first = first_seed() if given is None else given
    config.stash[_SEEDS] = range(first, first + 1) if given is not None else range(first, first + SEEDS)


def pytest_report_header(config: pytest.Config) -> str:
    seeds = config.stash[_SEEDS]
    return f"simulation seeds: {seeds[0]} to {seeds[-1]} (replay one with --seed N)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `seed` runs once for each."""
    if "seed" in metafunc.fixturenames:
        seeds = metafunc.config.stash[_SEEDS]
        metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])


_SEEDS = pytest.StashKey[range]()
