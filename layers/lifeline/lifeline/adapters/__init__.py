"""Adapters: one file per outside service. Each turns that service's errors into Lifeline's own."""
