"""Panel: FCN-32s trained as long as 16s and 8s, which says what the skips are worth by themselves."""

import pandas as pd
import streamlit as st

from fcnviz.training import recorded
from ui.export import shown


def control() -> None:
    """Tabulate the networks of the control, and what one gains over another."""
    st.markdown("**The skip, or the longer training?** FCN-32s trained as long as 16s and 8s")
    _table("networks", "Network, in percent")
    _table("gains", "Gain, in percentage points")
    st.caption(
        "FCN-16s and 8s each start from the network before, so in all they were trained longer than FCN-32s. "
        "In a further run FCN-32s itself was trained on for as long, with as many photos and at the same "
        f"rate: a gain over that is the skips' own. Recorded on the same {recorded.photos('control')} photos "
        "with intervals as above. These networks are not the bundled ones, so their values are others."
    )


def _table(part: str, name: str) -> None:
    rows = recorded.control_texts(part)
    table = pd.DataFrame(list(rows.values()), list(rows), ["Mean IU", "Within 5 px"])
    shown.table(table.rename_axis(name), f"control_{part}")
