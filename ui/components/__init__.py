"""The app's own Streamlit components, each beside its JavaScript and CSS."""
