"""What it costs and how fast it is, as ratios within one run."""
