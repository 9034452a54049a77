"""What SES and SNS tell of fallbacks."""
