"""What happens, told to others: an ordered ring of events, who follows it, and what is posted to web addresses. Pure."""
