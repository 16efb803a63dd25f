"""What generated flows call: one module a word of the spec, and the values that pass between tasks."""
