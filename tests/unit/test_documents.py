"""The documents are true where a machine can tell: the tests and files that they name are there."""

from __future__ import annotations

import re

import pytest

from chalicelib.edge.answers import REASONS
from dev.places import ROOT

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/architecture.md",
    "docs/deploy.md",
    "docs/events.md",
    "docs/invariants.md",
    "docs/runbooks.md",
)


WITH_TESTS = ("README.md", "docs/invariants.md")


def named_tests(*documents: str) -> list[str]:
    """Every test that these documents name, with its file; `…::` stands for the file named last."""
    named, file = [], ""
    for document in documents:
        for path, test in re.findall(r"`(tests/[\w/]+\.py|…)(?:::(\w+))?`", (ROOT / document).read_text()):
            file = file if path == "…" else path
            named.append(f"{file}::{test}")
    return list(dict.fromkeys(named))


@pytest.mark.parametrize("named", named_tests(*WITH_TESTS))
def test_every_guarantee_names_a_test_that_there_is(named: str) -> None:
    file, _, test = named.partition("::")
    text = (ROOT / file).read_text()
    assert not test or f"def {test}(" in text


@pytest.mark.parametrize("document", WITH_TESTS)
def test_what_is_promised_names_its_tests(document: str) -> None:
    assert len(named_tests(document)) > 20


def test_every_alarm_that_is_named_exists() -> None:
    templates = "".join(path.read_text() for path in (ROOT / "infra").glob("*.yaml"))
    named = re.findall(r"`(\w+Alarm)`", (ROOT / "docs" / "invariants.md").read_text())
    assert named
    for alarm in named:
        assert f"  {alarm}:" in templates, alarm


def test_every_reason_of_a_rejected_event_says_what_to_do() -> None:
    told = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE)
    assert [code for code in told if code in REASONS] == list(REASONS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
        assert (ROOT / document).parent.joinpath(link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_that_are_named_exist(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make (?:-s )?([a-z]+)", (ROOT / document).read_text()):
        assert re.search(rf"^({target}|[a-z -]*\b{target}\b[a-z -]*):", makefile, re.MULTILINE), target


@pytest.mark.parametrize("group", ["app", "statistics", "statistics-3.11", "build", "dev", "aws"])
def test_every_dependency_has_its_line_in_the_decisions(group: str) -> None:
    wanted = (ROOT / "dev" / "requirements" / f"{group}.in").read_text()
    decisions = (ROOT / "docs" / "decisions.md").read_text()
    for library in re.findall(r"^([A-Za-z0-9_-]+)", wanted, re.MULTILINE):
        assert library.startswith("-") or library.lower() in decisions.lower(), library
