"""An OpenAI-style server: llama.cpp with the one GGUF file of this package."""

import os
import signal
from pathlib import Path

import xllamacpp

stop = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before the server's threads are there

params = xllamacpp.CommonParams()
params.model.path = str(next(Path().glob("*.gguf")))
params.hostnames, params.port = [os.environ["HOST"]], int(os.environ["PORT"])
params.n_ctx = 4096
params.n_parallel = 2
params.cpuparams.n_threads = max(1, int(os.environ.get("OMP_NUM_THREADS", "2")) // 2)  # they wait for each other
server = xllamacpp.Server(params)
print(f"serves {params.model.path} at {server.listening_address}", flush=True)
signal.sigwait(stop)
