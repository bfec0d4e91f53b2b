"""What the operations cost, measured: `make bench`. Figures that matter are ratios taken in one run."""
