"""Mathematics: sequential tests of a canary, bins and drift, bootstrap intervals, paired tests. Nothing of ours is imported here."""
