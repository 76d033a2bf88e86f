# The app with PyTorch for the CPU. docs/deployment.md has the commands.
FROM python:3.11-slim

# Wheels for the CPU are a tenth as large as those with CUDA. For a GPU build with
# --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# requirements-cluster.txt besides, for S5_EXECUTOR=ray and for the machines of the cluster
ARG MORE_REQUIREMENTS=requirements.txt

WORKDIR /app
COPY requirements*.txt ./
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -r requirements.txt -r "$MORE_REQUIREMENTS"
COPY . .

# What people make is in volumes; the app itself is root's, so that the server cannot change it.
RUN useradd --create-home --uid 1000 student && install -d -o student /srv/runs /srv/data
ENV S5_RUNS_DIR=/srv/runs XDG_DATA_HOME=/srv/data
VOLUME ["/srv/runs", "/srv/data"]
USER 1000

EXPOSE 8501
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import os, urllib.request as web; base = os.getenv('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); web.urlopen('http://127.0.0.1:8501' + (base and '/' + base) + '/_stcore/health', timeout=3)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.headless=true"]
