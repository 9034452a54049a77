"""Watch over the token and the usage."""
