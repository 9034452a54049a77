"""Panic mode: its flag, what enters it, what probes it, who is told."""
