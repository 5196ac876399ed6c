"""SIP: message values, sans-IO machines, and a thin shell of sockets."""
