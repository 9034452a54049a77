"""How a person is reached when WhatsApp cannot, and what comes back."""
