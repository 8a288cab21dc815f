"""An FCN on paper: sizes, crops and what a cell sees."""
