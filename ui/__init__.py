"""All Streamlit code; a folder for each page, and for what pages share."""

import gc
import os

# Before torch is loaded. Its threads would wait for each other by spinning: beside the scripts of a few
# visitors, that triples the processor time of a network, and on an idle machine it gains a few per cent.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# By default Python looks for garbage after every 700 new objects, time and again through all of torch's,
# which delays the first page.
gc.set_threshold(20_000, 20, 20)
