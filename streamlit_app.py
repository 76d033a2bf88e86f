"""Five steps to 99.4 %: the steps and their layer tables."""

import streamlit as st

from s5core.steps import STEPS
from s5core.summary import format_table, layer_table

st.set_page_config(page_title="Five steps to 99.4 %", layout="wide")
st.title("Five steps to 99.4 %")
step = STEPS[st.sidebar.selectbox("Step", list(STEPS), format_func=lambda name: STEPS[name].title)]
st.header(step.title)
st.markdown(f"**Target.** {step.target}\n\n**Changes.**\n" + "\n".join(f"- {c}" for c in step.changes))
st.code(format_table(layer_table(step.layers)), language=None)
