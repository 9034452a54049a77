"""What is told of an incident."""
