"""Doubles of what is slow or outside, for tests of the switch and of what is built on it."""
