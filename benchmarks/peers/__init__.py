"""Workers that do the same work: a conditional claim, a send, a record of each message. Each is a program of
its own, in the environment that has its packages; :mod:`benchmarks.workers` starts and asks them.
"""
