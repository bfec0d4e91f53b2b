"""What a campaign earned, as a picture: credit, who ordered, and how soon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no screen is needed

from matplotlib import pyplot as plt

INK, QUIET = "#1f5c99", "#b8c4d0"
SIZE_INCHES = (12, 4)
DOTS_PER_INCH = 110


def picture(told: dict[str, Any], path: Path) -> None:
    """Draw what /v1/campaigns/{campaign}/performance answered, as a PNG."""
    figure, (credit, ordered, days) = plt.subplots(1, 3, figsize=SIZE_INCHES, layout="constrained")
    figure.suptitle(f"{told['name']}: {told['display']['revenue']} of orders with credit")
    names = ("issued", "redeemed", "expired", "outstanding")
    bars = credit.bar(names, [told[name]["value"] / 100 for name in names], color=[QUIET, INK, QUIET, QUIET])
    credit.bar_label(bars, fmt="{:,.0f}")
    credit.set(title="Credit", ylabel=told["currency"])
    _who_ordered(ordered, told["lift"])
    histogram = told["days_to_redeem"]["histogram"]
    days.bar([each["days"] for each in histogram], [each["count"] for each in histogram], color=INK)
    days.set(title="Days until it was spent", xlabel="days", ylabel="redemptions")
    figure.savefig(path, dpi=DOTS_PER_INCH)
    plt.close(figure)


def _who_ordered(axes: Any, lift: dict[str, Any]) -> None:
    axes.set(title="Customers who ordered", ylabel="%")
    if lift["status"] != "measured":
        why = lift.get("reason", lift["status"])
        axes.text(0.5, 0.5, f"no lift is told:\n{why}", ha="center", transform=axes.transAxes)
        return
    both = (lift["recipients_rate_basis_points"], lift["holdout_rate_basis_points"])
    rates = [each["value"] / 100 for each in both]
    spread = [[(each["value"] - each["low"]) / 100, (each["high"] - each["value"]) / 100] for each in both]
    bars = axes.bar(("with the campaign", "held out"), rates, color=[INK, QUIET], yerr=list(zip(*spread, strict=True)))
    for label, ink in zip(axes.bar_label(bars, fmt="{:.1f}", label_type="center"), ("white", "black"), strict=True):
        label.set_color(ink)
    relative = {name: value / 100 for name, value in lift["relative_basis_points"].items()}
    axes.set_xlabel(f"lift {relative['value']:+.0f} % (95 %: {relative['low']:+.0f} to {relative['high']:+.0f})")
