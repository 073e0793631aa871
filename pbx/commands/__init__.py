"""Commands of `pbx` that need more room than cli.py has. Edge: files, terminal, clock."""
