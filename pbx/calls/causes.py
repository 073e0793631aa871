"""Why a leg or a call ended, in words that know nothing of SIP."""

from sip.states import Named


class Cause(Named):
    NORMAL = "normal"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not found"
    FORBIDDEN = "forbidden"
    NOT_ACCEPTABLE = "not acceptable"  # No common codec.
    ANSWERED_ELSEWHERE = "answered elsewhere"
    CALLER_GONE = "caller gone"
    WITHDRAWN = "withdrawn"  # The offer was taken back: status change, reload.
    SILENT = "silent"  # No sound for too long: the phone has vanished.
    CONGESTION = "congestion"
    FAILED = "failed"
    SHUTDOWN = "shutdown"
    TRANSFERRED = "transferred"
    PICKED_UP = "picked up"
