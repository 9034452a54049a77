"""The real use cases over services in memory that behave as AWS and Meta may: see ``run.py``."""
