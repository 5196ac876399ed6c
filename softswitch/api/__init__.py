"""The control API on a Unix socket: reads views, submits commands."""
