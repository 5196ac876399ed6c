"""The typed configuration: frozen values with their defaults, and the loader that reads them from TOML."""
