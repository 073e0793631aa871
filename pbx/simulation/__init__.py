"""A call-centre day lived in virtual time with the real distribution core: `pbx simulate`.

Traffic (traffic.py: made up; recorded.py: from a journal) gives a day (day.py); a run (run.py)
lives it with a core of its own; the ledger keeps what happened; figures, ranges and charts say it.
Pure: no clock, no I/O, the standard library and `pbx.distribution` only.
"""
