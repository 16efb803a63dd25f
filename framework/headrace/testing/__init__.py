"""Stand-ins that pass the conformance tests of what they stand for."""
