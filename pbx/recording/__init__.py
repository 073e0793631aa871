"""Recordings of conversations: whose, into which file, and what becomes of it.

`taping` begins and ends them within the exchange; `keeper` (an edge) looks after the files.
"""
