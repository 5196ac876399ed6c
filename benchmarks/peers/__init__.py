"""What the ladder measures: our switch and its peers, each started, asked what it used and recorded, and stopped."""
