"""Queues, skills, agents and the match: a synchronous engine that knows no SIP word and owns no clock."""
