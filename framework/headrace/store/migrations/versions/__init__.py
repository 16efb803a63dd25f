"""The steps from one schema to the next, one file a revision."""
