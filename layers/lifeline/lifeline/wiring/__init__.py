"""The composition root: settings to adapters to use cases, made once per worker.

One file per function builds that function's use case, and imports what it uses and nothing else;
``adapters.py`` has what several share. Nothing is built at import. ``build`` takes the adapters, so that
tests wire the same use cases on adapters in memory; ``use_case`` is ``build`` on the real ones.
"""
