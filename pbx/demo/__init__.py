"""Simulated phones and a sample company: `pbx demo`."""
