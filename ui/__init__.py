"""Reusable Streamlit code: widgets, caches, figures and panels."""
