"""Simulators of Meta's Graph API and of OpenAI, as real HTTP with a control surface."""
