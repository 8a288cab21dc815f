"""The whole story in thirteen steps, for a projector: one figure and one sentence each."""

from ui.lecture import page

page.show(page.begin())
