"""JSON without blanks, for rows and frames: one encoder for all, where `json.dumps` would make one for each text."""

import json

compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
"""Of plain values, which hold no circle."""
