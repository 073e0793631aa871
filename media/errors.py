"""What can go wrong with media, and whose fault it is."""


class MediaError(Exception):
    """Base class. Never raised itself."""


class ParseError(MediaError):
    """Bytes that are not what they should be: SDP, RTP or RTCP of the peer."""


class NegotiationError(MediaError):
    """Well-formed, but there is nothing in it that we can do: no common codec, no address."""
