"""How good the networks are: on VOC, on pairs of your own, in print; and what the metrics mean."""

import streamlit as st

from ui import bench_panel, evaluation, evaluation_results, frame, published, sandbox, share, shown

page = frame.begin("Evaluate")
st.title("How good, and compared with what?", anchor=False)

st.markdown(
    "[On VOC](#voc) · [Your pairs](#pairs) · [In print](#print) · [How fast?](#fast) · [Sandbox](#sandbox)"
)

st.subheader("The bundled networks on VOC", anchor="voc")
published.bundled()

st.subheader("On your pairs", anchor="pairs")
with shown.section():
    job = evaluation.run(page.networks, st.session_state["size"])
    if job and job.good:
        results = evaluation_results.Results.of(job)
        evaluation_results.four(results)
        st.subheader("Where do the skips help?", anchor=False)
        st.markdown("The share of pixels labelled right among those within d pixels of a true boundary.")
        evaluation_results.boundaries(results)
        st.subheader("Class by class", anchor=False)
        name, percent = evaluation_results.choose(results)
        bars, matrix = st.columns(2, gap="large")
        with bars:
            evaluation_results.classes(results)
        with matrix:
            evaluation_results.confusion(results, name, percent)
        st.subheader("Image by image", anchor=False)
        evaluation_results.images(results, name, page.palette)
        evaluation_results.downloads(results)

st.subheader("In print", anchor="print")
published.in_print()

st.subheader("How fast?", anchor="fast")
bench_panel.show()

st.subheader("Metric sandbox", anchor="sandbox")
st.markdown("Why pixel accuracy flatters, and mean IU does not: paint, and watch the numbers.")
sandbox.play(page.palette)

share.row(own=page.photo.own)
