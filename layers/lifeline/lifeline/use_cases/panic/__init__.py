"""Enter, keep and leave panic mode."""
