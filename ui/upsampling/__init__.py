"""The page Upsampling."""
