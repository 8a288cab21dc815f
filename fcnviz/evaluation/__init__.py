"""How good a network is: photos with masks in, metrics with their intervals out."""
