"""The export: what a page shows, as files."""
