"""The page Lecture."""
