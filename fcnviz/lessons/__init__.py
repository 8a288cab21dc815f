"""What the pages take apart, one folder a page. No Streamlit here."""
