"""The whole story in twelve steps, for a projector: one figure and one sentence each."""

from ui import lecture

desk = lecture.begin()
lecture.show(desk)
