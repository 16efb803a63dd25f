"""Mathematics: tests of canaries and experiments, bins and drift, bootstrap intervals, paired tests. Nothing of ours is imported here."""
