"""Pure decisions: no clock, network, environment or randomness; all of that is passed in as values."""
