"""``python -m local.simulators.graph``."""

from __future__ import annotations

import argparse

import local.simulators.graph as package
from local.simulators.graph import GraphSimulator

OPTIONS = ("access-token", "app-id", "app-secret", "verify-token", "phone-number-id", "waba-id", "openapi")


def main() -> None:
    """Run until a termination signal."""
    parser = argparse.ArgumentParser(
        description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    for name in OPTIONS:
        parser.add_argument(f"--{name}", default=None)
    options = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    GraphSimulator(**options).run("graph")


if __name__ == "__main__":
    main()
