"""The page Convolutionalize."""
