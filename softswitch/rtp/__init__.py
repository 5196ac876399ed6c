"""Packets and samples. Runs in media worker processes; the rest of the program sees commands and reports only."""
