"""What the page Training takes apart: the loss as a sum over pixels, and a random share of it."""
