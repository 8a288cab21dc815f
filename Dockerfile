# syntax=docker/dockerfile:1
# The app:                     docker build -t fcnviz .
# Smaller, for a CPU alone:    docker build -t fcnviz --build-arg TORCH_INDEX=… .
# See docs/hosting.md.
FROM python:3.12-slim

# Another package index for torch and torchvision alone, such as PyTorch's own index of CPU wheels. By default they
# come from where pip takes everything, as wheels for CUDA, which run on a CPU too.
ARG TORCH_INDEX=

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=2 MALLOC_ARENA_MAX=2 \
    MPLCONFIGDIR=/tmp/matplotlib FCNVIZ_MODE=public FCNVIZ_ZIP_MB=40

WORKDIR /app
RUN useradd --create-home --uid 1000 fcnviz

COPY requirements.txt ./
# What the other index gave fulfils the pins, so the second install leaves it as it is.
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' requirements.txt); \
    fi \
 && pip install --no-cache-dir -r requirements.txt

COPY .streamlit .streamlit
COPY fcnviz fcnviz
COPY ui ui
COPY pages pages
COPY weights weights
COPY app.py ./

USER fcnviz
EXPOSE 8501
# With a path of its own (server.baseUrlPath) the app answers only there.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.path.join('http://127.0.0.1:8501', \
         os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'), '_stcore/health'), timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true", \
     "--server.fileWatcherType=none"]
