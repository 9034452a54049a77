"""The processes in which the local AWS runs functions: found among its own children only, and killed."""

from __future__ import annotations

import contextlib
import math
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.chaos.plan import Kill
from tests.chaos.proxy import Call

PROC = Path("/proc")
REST = {"prober": 130.0, "drainer": 130.0}
"""Seconds between two kills of a function that runs once a minute: else it would never come to an end."""


class Workers:
    """Workers of one stack: children of the process ``parent``, the local AWS that this run has started.

    Armed kills wait for calls of AWS: the proxy tells of them.
    """

    def __init__(self, parent: int, stack: str, seed: int) -> None:
        self._parent = parent
        self._of = re.compile(rf"/ministack-lambda-{re.escape(stack)}-([a-z-]+?)-[^/-]+/_worker\.py$")
        self._chance = random.Random(f"{seed}/workers")
        self._lock = threading.Lock()
        self._armed: list[Kill] = []
        self._last: dict[str, float] = {}
        self.killed: Counter[str] = Counter()
        """Kills by ``function moment``."""

    def listed(self) -> dict[int, str]:
        """Function by process id."""
        found = {}
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent != self._parent:
                        continue
                    words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    for word in words:
                        if named := self._of.search(word):
                            found[int(entry.name)] = named[1]
        return found

    def kill(self, kill: Kill) -> None:
        """Kill now, or arm it for a call that the function is going to make.

        Functions that seldom run are not armed twice, and rest in between: the sender, which runs always,
        takes their place.
        """
        if time.monotonic() - self._last.get(kill.function, -math.inf) < REST.get(kill.function, 0.0):
            kill = replace(kill, function="sender")
        pids = sorted(pid for pid, function in self.listed().items() if function == kill.function)
        if kill.moment == "idle" and pids:
            self._end(self._chance.choice(pids), kill)
            return
        moment = "after" if kill.moment == "idle" else kill.moment
        with self._lock:
            taken = any(armed.function == kill.function for armed in self._armed)
            self._armed.append(replace(kill, function="sender" if taken else kill.function, moment=moment))

    def disarm(self) -> None:
        """Forget kills that met no call."""
        with self._lock:
            self._armed.clear()

    def before(self, call: Call) -> None:
        """A call is about to be passed on."""
        self._at(call, "before")

    def after(self, call: Call) -> None:
        """A call was carried out; its caller does not know yet."""
        self._at(call, "after")

    def _at(self, call: Call, moment: str) -> None:
        if not any(kill.moment == moment for kill in self._armed):
            return
        pid = self._owner(call.port)
        function = self.listed().get(pid, "")
        with self._lock:
            kill = next((k for k in self._armed if (k.function, k.moment) == (function, moment)), None)
            if kill is None:
                return
            self._armed.remove(kill)
            if kill.calls:
                self._armed.append(replace(kill, calls=kill.calls - 1))
                return
        self._end(pid, kill)

    def _end(self, pid: int, kill: Kill) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[f"{kill.function} {kill.moment}"] += 1
            self._last[kill.function] = time.monotonic()

    def _owner(self, port: int) -> int:
        """The process whose connection comes from this port of this machine; 0 where it is gone."""
        wanted = f"0100007F:{port:04X}"
        inode = next(
            (
                fields[9]
                for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]
                if (fields := line.split())[1] == wanted
            ),
            "",
        )
        for pid in self.listed() if inode else ():
            with contextlib.suppress(OSError):
                for handle in (PROC / str(pid) / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        if str(handle.readlink()) == f"socket:[{inode}]":
                            return pid
        return 0
