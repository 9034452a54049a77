"""What Meta posts to us, and what people write."""
