"""Turns arrays into pictures and Plotly figures, and numbers into text; without Streamlit."""
