"""Use cases: one file per job. Gather facts, ask the domain for a decision, carry it out."""
