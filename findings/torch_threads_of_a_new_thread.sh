#!/usr/bin/env bash
# Guess:     after torch.set_num_threads(1) in the main thread, a matrix product uses one core in every thread; and
#            torch.get_num_threads() only looks.
# Versions:  torch 2.13.0 (oneMKL 2024.2, OpenMP of GCC).
# Behaviour: in a new thread whose first operation is a product, MKL uses OpenMP's own number of threads. get_num_threads()
#            says 1 there, but asking is what makes it so: a product after the question uses one core, and so does one after
#            an operation that torch itself splits, such as relu of a large tensor.
# Seen:      first operation of a new thread: the product starts 3 OpenMP threads
#            after get_num_threads(), which says 1: it starts 0
#            after relu: it starts 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0" "numpy==2.1.3" 2>/dev/null
cat > look.py <<'PY'
import os
import threading

import torch

torch.set_num_threads(1)
factors = torch.randn(4096, 128), torch.randn(128, 128)
started = {}


def threads():
    return len(os.listdir("/proc/self/task"))


def multiply(name, before=lambda: None):
    before()
    count = threads()
    torch.mm(*factors)
    started[name] = threads() - count


def in_a_new_thread(*arguments):
    thread = threading.Thread(target=multiply, args=arguments)
    thread.start()
    thread.join()


said = []
multiply("main thread")
in_a_new_thread("nothing")
in_a_new_thread("get_num_threads", lambda: said.append(torch.get_num_threads()))
in_a_new_thread("relu", lambda: torch.relu(torch.randn(100_000)))
print(f"first operation of a new thread: the product starts {started['nothing']} OpenMP threads")
print(f"after get_num_threads(), which says {said[0]}: it starts {started['get_num_threads']}")
print(f"after relu: it starts {started['relu']}")
assert said == [1]
assert started == {"main thread": 0, "nothing": 3, "get_num_threads": 0, "relu": 0}
PY
OMP_NUM_THREADS=4 venv/bin/python look.py
