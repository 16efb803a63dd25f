"""Ways to deliver a message: one file a member, exposing `CHANNEL`."""
