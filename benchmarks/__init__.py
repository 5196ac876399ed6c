"""One script a claim; each prints one JSON line and says what it ran against."""
