"""A log that an outsider can check: its entries, its tree (RFC 6962), its signed checkpoints, and the verifier, all without a database."""
