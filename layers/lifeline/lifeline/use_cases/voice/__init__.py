"""Speech from text, and text from voice notes."""
