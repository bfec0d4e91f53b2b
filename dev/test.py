"""`make test`: all tiers, or those named, each told with its count.

A tier that cannot run here is shouted about, and fails the whole where CI=true. A tier in which nothing ran
fails it everywhere: a silent tier is worse than a red one.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev.engine import engine
from dev.ministack import CannotStart
from dev.places import ROOT

# The quick ones first: what is broken is then known soon.
TIERS = ("unit", "model", "template", "simulation", "engine", "system")
# What runs side by side. The simulation keeps all cores busy by itself. The next two mostly wait for an engine of their
# own; what they leave of the cores the rest may have, two at a time: it is nice, so that it keeps nobody waiting whose
# time is measured.
TOGETHER = (("simulation",), ("system", "engine", "unit", "model", "template"))
NICE = {"unit", "model", "template"}
NICENESS = 19
HALVES = {"engine": ("-n", "2", "--dist", "loadfile")}
"""In two processes, each with an engine of its own: alone it would wait half of the time, and last the longest."""
NEED_ENGINE = {"engine"}
NEED_MINISTACK = {"system"}


@dataclass(frozen=True, slots=True)
class Result:
    """How a tier ended. `missing` says why it could not run; then nothing was counted."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    ended_well: bool = True
    missing: str = ""

    def is_bad(self) -> bool:
        if self.missing:
            return os.environ.get("CI") == "true"
        return self.failed > 0 or self.passed == 0 or not self.ended_well

    def __str__(self) -> str:
        if self.missing:
            return f"{self.tier:10} NOT RUN: {self.missing}"
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped in {self.seconds:.0f} s"
        if not self.passed:
            counts += " — NOTHING RAN"
        return f"{self.tier:10} {counts}"


def main(tiers: list[str]) -> int:
    """0 when all is well. The last line counts all tests together."""
    unknown = set(tiers) - set(TIERS)
    if unknown:
        raise SystemExit(f"no such tier: {', '.join(sorted(unknown))}; there are {', '.join(TIERS)}")
    wanted = [tier for tier in TIERS if not tiers or tier in tiers]
    results = [result for group in TOGETHER for result in _side_by_side([tier for tier in group if tier in wanted])]
    print("\n" + "\n".join(str(result) for result in results))
    passed, failed, skipped = (
        sum(getattr(result, name) for result in results) for name in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return int(any(result.is_bad() for result in results))


def _side_by_side(tiers: list[str]) -> list[Result]:
    missing = {tier: _missing(tier) for tier in tiers}  # one after the other: it changes this process's environment
    nice = NICE if set(tiers) - NICE else set[str]()
    aloud = len(tiers) == 1
    with ThreadPoolExecutor(max_workers=len(TIERS)) as lanes, ThreadPoolExecutor(max_workers=2) as behind:
        running = [
            (behind if tier in NICE else lanes).submit(_run, tier, missing[tier], aloud=aloud, nice=tier in nice)
            for tier in tiers
        ]
        return [each.result() for each in running]


def _run(tier: str, missing: str, *, aloud: bool, nice: bool) -> Result:
    """Run one tier; what it says is printed as it comes, or else at its end, so that it mixes with no other."""
    heading = f"\n===== {tier} ====="
    if aloud:
        print(heading, flush=True)
    if missing:
        print(f"!!!!! THE {tier.upper()} TIER CANNOT RUN HERE: {missing}", flush=True)
        return Result(tier, missing=missing)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--quiet",
            f"--junitxml={report}",
            *HALVES.get(tier, ()),
            f"tests/{tier}",
        ]
        if nice:
            command = ["nice", "-n", str(NICENESS), *command]
        kept = {} if aloud else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, cwd=ROOT, text=True, **kept)  # type: ignore[call-overload]
        if not aloud:
            print(f"{heading}\n{done.stdout}", flush=True)
        suites = list(ET.parse(report).getroot()) if report.exists() else []
    counts = {
        name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    failed = counts["failures"] + counts["errors"]
    return Result(
        tier,
        passed=max(0, counts["tests"] - failed - counts["skipped"]),
        failed=failed,
        skipped=counts["skipped"],
        seconds=time.monotonic() - began,
        ended_well=done.returncode == 0,
    )


def _missing(tier: str) -> str:
    """Why a tier cannot run here; empty when it can."""
    if not (ROOT / "tests" / tier).is_dir():
        return f"there is no tests/{tier}"
    given = os.environ.pop("DYNAMODB_ENDPOINT", None) if tier in NEED_MINISTACK else None
    try:
        if tier in NEED_ENGINE | NEED_MINISTACK:
            with engine():
                pass
    except CannotStart as error:
        return str(error)
    finally:
        if given:
            os.environ["DYNAMODB_ENDPOINT"] = given
    return ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
