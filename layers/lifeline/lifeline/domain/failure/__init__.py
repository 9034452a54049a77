"""Failures told apart by their remedy."""
