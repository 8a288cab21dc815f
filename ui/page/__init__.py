"""Parts that pages share: the frame, the sidebar, the link, and the row of buttons at the end."""
