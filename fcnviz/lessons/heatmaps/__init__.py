"""What lies between the coarse scores and the labels."""
