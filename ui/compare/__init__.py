"""The page Compare; Start draws one of its panels, and other pages use its results."""
