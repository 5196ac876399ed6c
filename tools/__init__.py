"""Things that import the product, or stand beside it, and are never imported by it."""
