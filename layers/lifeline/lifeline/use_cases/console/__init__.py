"""The console: Lifeline on the CloudWatch dashboard, so that a phone is enough."""
