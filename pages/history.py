"""What came before FCN and after it: each step removes one weakness that the app shows."""

from functools import partial

from ui.history import context, dilation, joins, time_line
from ui.page import frame, sections
from ui.page.frame import Uses

page = frame.begin(
    "History",
    "A short history",
    Uses(networks=False, palette=False),
    lead="What **semantic segmentation** was before FCN, and what it became: each step removes a weakness "
    "that this app shows. Three of the ideas run here on your photo.",
)
bar = sections.bar("Time line", "Dilation", "Add or concatenate", "Context by pooling")
bar.show(
    {
        "Time line": time_line.time_line,
        "Dilation": partial(dilation.stride_16, page),
        "Add or concatenate": partial(joins.add_or_concatenate, page.photo),
        "Context by pooling": partial(context.pooling, page),
    }
)
frame.end(page)
