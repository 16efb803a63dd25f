"""Forms in which a version leaves: one file a form, exposing `EXPORTER`."""
