"""Lifeline: WhatsApp messages that arrive although WhatsApp fails."""

import gc

# A start makes a hundred thousand objects that stay. With Python's own thresholds a sixth of it goes into
# looking for garbage among them (benchmarks/cold_start.py); and a batch leaves little.
gc.set_threshold(50_000, 20, 20)
