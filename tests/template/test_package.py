"""The package: small, complete, and the same whatever lies about on the machine that made it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dev.package import Package

MEGABYTE = 1_000_000
MAX_BYTES = 10 * MEGABYTE
LAMBDA_BYTES = 250 * 1024 * 1024
"""What Lambda takes of a function with its layers, unzipped."""

# Run by an interpreter that sees the standard library and one folder: the local Lambda workers see more than that, and
# would hide a library that is missing from the package.
ALONE = """
import sys
folder, more, standard = sys.argv[1], sys.argv[2:], list(sys.path)
sys.path[:] = [folder, *more, *standard]
{code}
strangers = [
    f"{{name}}: {{module.__file__}}" for name, module in sys.modules.items()
    if getattr(module, "__file__", None)
    and not module.__file__.startswith((folder, *more, *[path for path in standard if path]))
]
assert not strangers, strangers
third_party = {{name.partition(".")[0] for name, module in sys.modules.items()
               if (getattr(module, "__file__", None) or "").startswith(folder)}}
print(*sorted(third_party))
"""


def run_alone(unzipped: Path, code: str, *more: Path) -> set[str]:
    """Runs code with nothing but the package, and what else there is; the top-level modules that it took from the
    package."""
    told = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", "STAGE": "local", "TEST_CLOCK": "off"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", ALONE.format(code=code), unzipped, *more],
        env=told,
        cwd=unzipped,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="session")
def layer(packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda would unpack beside the function that measures lifts, in this machine's architecture."""
    folder = tmp_path_factory.mktemp("layer")
    with zipfile.ZipFile(packages["local"].layer) as content:
        content.extractall(folder)
    return folder / "python"


def test_a_package_is_at_most_ten_megabytes(packages: dict[str, Package], stage: str) -> None:
    assert packages[stage].code.stat().st_size <= MAX_BYTES


def test_every_function_imports_with_nothing_but_the_package(templates: dict[str, Any], unzipped: Path) -> None:
    functions = [
        each["Properties"]
        for each in templates["local"]["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    ]
    handlers = {function["Handler"] for function in functions}
    assert len(handlers) == len(functions)
    for module in {handler.rpartition(".")[0] for handler in handlers}:
        names = sorted(name for where, _, name in (handler.rpartition(".") for handler in handlers) if where == module)
        taken = run_alone(
            unzipped, f"import {module}; assert all(callable(getattr({module}, name)) for name in {names})"
        )
        assert {module.partition(".")[0], "chalice"} <= taken


def test_what_functions_import_when_they_are_first_called_is_in_the_package_too(unzipped: Path) -> None:
    run_alone(
        unzipped,
        """
import importlib, pkgutil
import chalicelib

found = [module.name for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib.")]
assert {f"chalicelib.edge.functions.{name}" for name in ("notifying", "releasing", "observing")} <= set(found)
for name in found:
    if name not in ("chalicelib.performance.intervals", "chalicelib.edge.functions.measuring"):
        importlib.import_module(name)
""",
    )


def test_lifts_are_measured_with_nothing_but_the_package_and_the_layer(unzipped: Path, layer: Path) -> None:
    code = """
from chalicelib.edge.workers import lift
told = lift({"comparisons": [[1000, 310, 110, 21]]}, None)
assert told["lifts"][0]["relative"] == (6238, 932, 14120), told
"""
    assert "scipy" not in run_alone(unzipped, code, layer)


@pytest.mark.parametrize("stage", ["local", "prod"])
def test_the_layer_and_the_package_are_what_lambda_takes(packages: dict[str, Package], stage: str) -> None:
    code, beside = (zipfile.ZipFile(path).infolist() for path in (packages[stage].code, packages[stage].layer))
    assert sum(each.file_size for each in [*code, *beside]) <= LAMBDA_BYTES
    assert {name.filename.partition("/")[0] for name in beside} == {"python"}
    assert {"numpy", "scipy"} <= {name.filename.split("/")[1] for name in beside}


def test_the_layer_is_the_same_bytes_for_both_stages_on_lambda(packages: dict[str, Package]) -> None:
    """Else each deployment would make a new version of it."""
    dev, prod = (packages[stage].layer.read_bytes() for stage in ("dev", "prod"))
    assert dev == prod


@pytest.mark.parametrize(
    "library",
    ["boto3", "botocore", "pynamodb", "pydantic", "jwt", "cryptography", "jinja2", "standardwebhooks", "tzdata"],
)
def test_every_library_comes_from_the_package(unzipped: Path, library: str) -> None:
    assert library in run_alone(unzipped, f"import {library}")


def test_what_was_stripped_is_not_missed(unzipped: Path) -> None:
    run_alone(
        unzipped,
        """
import boto3, botocore.session, jwt, zoneinfo
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pynamodb.connection import Connection

boto3.client("dynamodb", aws_access_key_id="x", aws_secret_access_key="y").get_paginator("query")
boto3.resource("dynamodb", aws_access_key_id="x", aws_secret_access_key="y")
botocore.session.get_session().create_client("dynamodb").get_waiter("table_exists")
for service in ("sqs", "events", "lambda", "scheduler", "sesv2", "sns"):
    botocore.session.get_session().create_client(service)
Connection().client
for key, algorithm in (
    (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"),
    (ec.generate_private_key(ec.SECP256R1()), "ES256"),
):
    assert jwt.decode(jwt.encode({"a": 1}, key, algorithm), key.public_key(), [algorithm]) == {"a": 1}
zoneinfo.reset_tzpath(to=[])
assert zoneinfo.ZoneInfo("Europe/Berlin").key
""",
    )


def test_a_package_holds_the_app_its_libraries_and_no_rubbish(packages: dict[str, Package], stage: str) -> None:
    names = zipfile.ZipFile(packages[stage].code).namelist()
    assert {"app.py", "chalicelib/__init__.py", "boto3/__init__.py", "botocore/__init__.py"} <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {"tests", "dev", "bench", "infra", ".chalice", "pytest", "moto", "bin"}
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name]
    described = {name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 2}
    assert described == {"dynamodb", "events", "lambda", "scheduler", "sesv2", "sns", "sqs"}


def test_compiled_libraries_fit_the_architecture(packages: dict[str, Package], templates: dict[str, Any]) -> None:
    machines = {"arm64": "aarch64", "x86_64": "x86_64"}
    for stage in ("dev", "prod"):
        (architecture,) = templates[stage]["Resources"]["APIHandler"]["Properties"]["Architectures"]
        code, beside = packages[stage].code, packages[stage].layer
        names = [name for path in (code, beside) for name in zipfile.ZipFile(path).namelist()]
        tagged = [name for name in names if name.endswith(".so") and "cpython" in name]
        assert tagged
        assert all(machines[architecture] in name for name in tagged)


def test_templates_are_valid(packages: dict[str, Package]) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [lint, *(each.template for each in packages.values())], capture_output=True, text=True, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stdout + done.stderr
