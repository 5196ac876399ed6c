"""The command line: a client of the control API, and the command that runs the switch."""
