"""`make bench`: every figure, as tables on the screen and as JSON in bench/results/latest.json."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from bench.costs import Cost, costs
from bench.cpu import cpu
from bench.events import EventCost, events
from bench.imports import imports
from bench.load import Run, load
from bench.profiles import profiles
from bench.profiles import show as show_profiles
from bench.release import releasing
from bench.release import show as show_release
from bench.segments import segments
from bench.segments import show as show_segments
from bench.sweep import Sweeping, sweeping
from bench.workload import bench
from dev.package import package
from dev.places import ROOT

RESULTS = ROOT / "bench" / "results"


def main() -> int:
    with bench() as made:
        print(f"{os.cpu_count()} cores; engine: {os.environ.get('DYNAMODB_ENDPOINT') or 'MiniStack, started for this'}")
        told: dict[str, Any] = {}
        measured = costs(made)
        told["costs"] = [asdict(each) for each in measured]
        _print_costs(measured)
        received = events(made)
        told["events"] = [asdict(each) for each in received]
        _print_events(received)
        redemption = cpu(made)
        told["cpu"] = asdict(redemption)
        print("\nServer CPU of a redemption, one run")
        print(f"  ours {redemption.ours_ms:.2f} ms, bare {redemption.bare_ms:.2f} ms: {redemption.ratio:.2f} x (≤ 1.5)")
        started = imports(made)
        told["imports"] = [asdict(each) for each in started]
        print("\nImport CPU")
        for each in started:
            print(f"  {each.function:<10} ours {each.ours_ms:.0f} ms, bare {each.bare_ms:.0f} ms: {each.ratio:.2f} x")
        zipped = package("local")
        told["package_bytes"] = zipped.code.stat().st_size
        print(f"\nPackage {told['package_bytes'] / 1e6:.1f} MB zipped (at most 10)")
        # Ahead of what fills the engine with wallets: behind it a read took longer than the store waits for one.
        kept = profiles(made)
        told["profiles"] = [asdict(each) for each in kept]
        show_profiles(kept)
        evaluated = segments(made)
        told["segments"] = asdict(evaluated)
        show_segments(evaluated)
        runs = load(made)
        told["load"] = [asdict(run) for run in runs]
        told["load_ratios"] = _ratios(runs)
        _print_load(runs)
        swept = sweeping(made)
        told["sweep"] = asdict(swept)
        _print_sweep(swept)
        released = releasing(made)
        told["release"] = asdict(released)
        show_release(released)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(told, indent=1) + "\n")
    print(f"\n{(RESULTS / 'latest.json').relative_to(ROOT)} has all of it")
    return 0


def _print_costs(measured: list[Cost]) -> None:
    print("\nRound trips, read units, write units (+ writes of the indexes)")
    print(f"  {'operation':<28}{'lots':>5}{'entries':>9}{'trips':>7}{'read':>6}{'write':>7}{'index':>7}")
    for each in measured:
        bill = each.bill
        print(
            f"  {each.operation:<28}{each.lots:>5}{each.history:>9}{bill.round_trips:>7}{bill.read_units:>6}"
            f"{bill.write_units:>7}{bill.index_units:>7}"
        )


def _print_events(measured: list[EventCost]) -> None:
    print("\nOne message of an event queue: a refund costs at most 10 write units, a duplicate one read")
    print(f"  {'event':<28}{'lots':>5}{'entries':>9}{'trips':>7}{'read':>6}{'write':>7}{'index':>7}")
    for each in measured:
        bill = each.bill
        print(
            f"  {each.event:<28}{each.lots:>5}{each.history:>9}{bill.round_trips:>7}{bill.read_units:>6}"
            f"{bill.write_units:>7}{bill.index_units:>7}"
        )


def _print_load(runs: list[Run]) -> None:
    print("\nClients in a closed loop")
    for run in runs:
        print(
            f"  {run.name:<22}{run.clients:>3} clients {run.per_second:>7.1f}/s  attempts {run.attempts_mean:.2f}"
            f" (most {run.attempts_most})  p50 {run.p50_ms:.0f} ms  p99 {run.p99_ms:.0f} ms"
            f"  busy {run.busy}  failed {run.failed}"
        )
    for name, ratio in _ratios(runs).items():
        print(f"  {name}: {ratio:.2f} x")


def _print_sweep(swept: Sweeping) -> None:
    print("\nSettling, fifty wallets at once")
    for price in swept.prices:
        print(
            f"  {price.lots:>2} open lots: {price.round_trips} round trips (2); for each wallet"
            f" {price.write_units_per_wallet:.2g} write units (≤ 4), {price.index_units_per_wallet:.2g} of the index"
        )
    print("Wallets that expire in the same second, one worker")
    for race in swept.races:
        ours, bare = race.ours, race.bare
        print(
            f"  {ours.wallets:>6,} wallets {ours.per_second:>6.0f}/s  {ours.cpu_ms:.2f} ms of CPU each,"
            f" {ours.index_share:.0%} of the time for the index; bare {bare.per_second:.0f}/s:"
            f" {race.ratio:.2f} x (at least 0.7)"
        )


def _ratios(runs: list[Run]) -> dict[str, float]:
    one, many, bare_1, ours_1, bare_2, ours_2 = (run.per_second for run in runs)
    return {
        "16 clients on one wallet against one client (at least 0.3)": many / one,
        "16 clients on 1,000 wallets, ours against bare (at least 0.7)": (ours_1 + ours_2) / (bare_1 + bare_2),
    }


if __name__ == "__main__":
    sys.exit(main())
