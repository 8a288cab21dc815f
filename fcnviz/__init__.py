"""fcnviz."""
