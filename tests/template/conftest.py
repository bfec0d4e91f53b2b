"""Every stage packaged once, as it would be deployed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dev.package import Package, package
from dev.places import STAGES


@pytest.fixture(scope="session")
def packages() -> dict[str, Package]:
    return {stage: package(stage) for stage in STAGES}


@pytest.fixture(scope="session")
def templates(packages: dict[str, Package]) -> dict[str, dict[str, Any]]:
    return {stage: json.loads(packages[stage].template.read_text()) for stage in STAGES}


@pytest.fixture(scope="session")
def unzipped(packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda would unpack, in this machine's architecture."""
    folder = tmp_path_factory.mktemp("lambda")
    with zipfile.ZipFile(packages["local"].code) as code:
        code.extractall(folder)
    return folder


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def resources(templates: dict[str, dict[str, Any]], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = templates[stage]["Resources"]
    return found
