"""Configurations for measuring servers side by side with the same drivers."""
