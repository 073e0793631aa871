"""Voicemail: messages that callers leave, and the mailboxes where they are kept.

messages    what a message, a greeting and a mailbox are
plan        what the configuration says of mailboxes
boxes       the part of the exchange that knows all mailboxes; decides, touches no file
actions     what blocks want of it, and what it answers
jobs        what it wants done on disk, and what comes of that
menu        the keys of a mailbox: one table
words       what is said
pins        PINs, and how long one waits after wrong ones
files       names and layout of files; reading and writing them (edge)
spool       carries out jobs in a thread of its own (edge)
letters     a message as an e-mail
service     all of this, wired for the running exchange (edge)
"""
