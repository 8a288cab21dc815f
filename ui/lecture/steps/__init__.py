"""The steps of the lecture: a file for each part of the story, and `course` for their order."""
