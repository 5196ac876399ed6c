"""What comes from Asterisk or is made for its tools: its configuration files read, its manager interface spoken. Pure."""
