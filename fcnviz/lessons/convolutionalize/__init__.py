"""Classifiers that become convolutions: digits, ImageNet, fc6 of VGG16, and what that saves."""
