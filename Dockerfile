# syntax=docker/dockerfile:1
# The app for a CPU:       docker build -t fcnviz .
# For an NVIDIA GPU:       docker build -t fcnviz:cuda --build-arg TORCH_INDEX=https://pypi.org/simple .
# See docs/hosting.md.
FROM python:3.12-slim

# Where torch and torchvision come from: the CPU wheels by default, a tenth of the size of those for CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=2 MALLOC_ARENA_MAX=2 \
    MPLCONFIGDIR=/tmp/matplotlib FCNVIZ_MODE=public FCNVIZ_ZIP_MB=40

WORKDIR /app
RUN useradd --create-home --uid 1000 fcnviz

COPY requirements.txt ./
RUN grep -E '^torch(vision)?==' requirements.txt > /tmp/torch.txt \
 && pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple -r /tmp/torch.txt \
 && pip install --no-cache-dir -r requirements.txt \
 && rm /tmp/torch.txt

COPY .streamlit .streamlit
COPY fcnviz fcnviz
COPY ui ui
COPY pages pages
COPY weights weights
COPY app.py ./
COPY docs/bench.json docs/bench.json

USER fcnviz
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true", \
     "--server.fileWatcherType=none"]
