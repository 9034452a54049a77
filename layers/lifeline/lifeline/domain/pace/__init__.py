"""How fast messages leave, and when people are not to be disturbed."""
