"""Requests a second that the page's server answers: python tests/benchmarks/serving.py [MODEL].

Clients in a process of their own ask over kept-alive connections on loopback, each for its next
answer as soon as it has one, as the page does. Three kinds of questions in turn: for the
probabilities alone, with the saliency, and with the outputs of all layers too. Without a MODEL the
network is the named one, untrained: that takes as long. "cpu ms" is the server's processor time
for one answer, which says most where other programs keep the cores busy.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import multiprocessing
import sys
import threading
import time
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from autograd import keep_pages
from mnist.data import drawn
from mnist.models import MODELS
from mnist.serving import make_server
from mnist.storage.weights import Trained, load_trained

SIDE, MARGIN = 112, 12  # pixels: what the page sends

Results = SimpleQueue[list[float]]


def drawings() -> list[dict[str, Any]]:
    """Digits as the page sends them."""
    fields = []
    for image in drawn.draw(range(10), np.random.default_rng(0)):
        grey = np.zeros((SIDE, SIDE), np.uint8)
        inside = SIDE - 2 * MARGIN
        at = np.arange(inside) * 28 // inside
        grey[MARGIN:-MARGIN, MARGIN:-MARGIN] = image[np.ix_(at, at)]
        pixels = base64.b64encode(grey.tobytes()).decode()
        fields.append({"width": SIDE, "height": SIDE, "pixels": pixels})
    return fields


def client(authority: str, bodies: list[bytes], seconds: float, times: list[float]) -> None:
    connection = http.client.HTTPConnection(authority, timeout=60)
    end = time.perf_counter() + seconds
    count = 0
    while (start := time.perf_counter()) < end:
        body = bodies[count % len(bodies)]
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        times.append(time.perf_counter() - start)
        count += 1
    connection.close()


def load(authority: str, bodies: list[bytes], clients: int, seconds: float, out: Results) -> None:
    """All clients at once; puts the seconds that each answer took."""
    times: list[float] = []
    threads = [
        threading.Thread(target=client, args=(authority, bodies, seconds, times))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help="a run's folder or a file of weights")
    parser.add_argument(
        "--network", choices=MODELS, default="basic", help="where no model is given"
    )
    parser.add_argument("--clients", type=int, default=4, help="at the same time")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of question")
    args = parser.parse_args()
    if args.model:
        trained = load_trained(args.model)
    else:
        model = MODELS[args.network](np.random.default_rng(0))
        trained = Trained(model.eval(), args.network, 0.1307, 0.3081, {})
    server = make_server(trained, port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection(server.authority)
    connection.request("GET", "/model")
    layers = [layer["name"] for layer in json.load(connection.getresponse())["layers"]]
    connection.close()
    kinds = {
        "probabilities": {},
        "and saliency": {"saliency": True},
        f"and all {len(layers)} layers": {"saliency": True, "layers": layers},
    }
    print(f"{trained.name}, {args.clients} clients, {args.seconds:g} s each")
    print(f"{'':20}{'requests/s':>12}{'median ms':>12}{'99 % ms':>12}{'cpu ms':>12}")
    context = multiprocessing.get_context("spawn")
    for name, wanted in kinds.items():
        bodies = [json.dumps({**drawing, **wanted}).encode() for drawing in drawings()]
        out: Results = context.SimpleQueue()
        arguments = (server.authority, bodies, args.clients, args.seconds, out)
        process = context.Process(target=load, args=arguments)
        spent = time.process_time()
        process.start()
        times = out.get()
        spent = time.process_time() - spent
        process.join()
        middle, high = 1e3 * np.percentile(times, [50, 99])
        rate, each = len(times) / args.seconds, 1e3 * spent / len(times)
        print(f"{name:20}{rate:12.0f}{middle:12.1f}{high:12.1f}{each:12.1f}")
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    keep_pages()  # as python -m mnist serve does
    main()
