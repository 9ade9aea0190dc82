"""One file per system in the papers, behind one small interface."""
