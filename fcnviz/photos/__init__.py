"""Photos and masks as they come: hostile files made safe, the bundled samples, VOC folders."""
