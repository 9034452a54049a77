"""What Meta says of the account: its health, its token, its templates, its volume."""
