"""Mathematics: sequential tests of a canary, bins and drift, bootstrap intervals. Nothing of ours is imported here."""
