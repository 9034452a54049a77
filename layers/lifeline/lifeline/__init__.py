"""Lifeline: WhatsApp messages that arrive although WhatsApp fails."""
