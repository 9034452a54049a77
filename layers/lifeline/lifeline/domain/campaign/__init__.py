"""Campaigns: when which line is due."""
