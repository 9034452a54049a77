"""Recordings: what they are made of, and how they are asked for."""
