"""Who must agree, to what, and whether they have: decided over facts that are handed in as values; it reads no registry."""
