"""The processes of one machine: started together, watched, stopped together."""
