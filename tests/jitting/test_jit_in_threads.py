"""Threads that call one jitted function while its program is made and compared."""

from __future__ import annotations

import sys
import threading

import numpy as np

from autograd import Tensor, jit


def test_one_thread_believes_what_another_compares() -> None:
    interval, wrong = sys.getswitchinterval(), list[object]()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(60):
            f = jit(lambda x: ((x * 2 + 1) ** 2).sum())
            f(Tensor(np.zeros(3)))

            def work(f=f) -> None:  # type: ignore[no-untyped-def]
                for i in range(1, 4):
                    try:
                        if f(Tensor(np.full(3, float(i)))).item() != 3 * (2 * i + 1) ** 2:
                            wrong.append(i)
                    except Exception as error:
                        wrong.append(error)

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
