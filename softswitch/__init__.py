"""A SIP/RTP softswitch with a contact centre inside."""

__version__ = "0.1.0"
