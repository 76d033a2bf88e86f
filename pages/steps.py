"""Not written yet."""
import streamlit as st
st.title("steps")
