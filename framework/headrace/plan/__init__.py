"""The difference between what is wanted and what is recorded, as a value; nothing has happened yet."""
