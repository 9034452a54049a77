"""What operators do: one file for each group of actions."""
