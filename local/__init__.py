"""The whole system on one machine: local AWS, the simulators, the demo."""
