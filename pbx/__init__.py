"""The product: who talks to whom, and everything around it."""

__version__ = "0.1.0"
