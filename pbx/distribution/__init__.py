"""Which waiting caller is offered to which agent, when, for how long, and why: pure decisions."""
