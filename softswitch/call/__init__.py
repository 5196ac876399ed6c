"""The story of a call: the only package that speaks SIP and media and queue."""
