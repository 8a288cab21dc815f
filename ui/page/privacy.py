"""The promise about what visitors upload."""

#: What is kept of an upload, where, and until when.
PROMISE = (
    "Nothing is written to disk. What you upload and what is made of it stay in the server's memory, for "
    "your session alone, and go with it: two minutes after you close the page, or later."
)
