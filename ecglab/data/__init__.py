"""Records in: fetch and verify, one reader per data set, the simulator, windows, splits."""
