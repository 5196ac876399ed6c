"""Recordings: names, bytes on disk, the timeline of tracks, conversion."""
