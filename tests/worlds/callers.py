"""Callers who never stop: some threads that ask a service again and again, and remember what went wrong."""

import threading
import time
from collections import Counter
from typing import Self

import httpx


class Callers:
    """A context manager. `answers`: the bodies' `version` by how often; `failed`: everything else."""

    def __init__(self, url: str, token: str, *, count: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._url = url
        self._headers = {"x-auth-token": token}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def some(self, more: int = 50, timeout_s: float = 30.0) -> None:
        """Return after so many more answers."""
        wanted = sum(self.answers.values()) + more
        deadline = time.monotonic() + timeout_s
        while sum(self.answers.values()) < wanted:
            assert time.monotonic() < deadline, (self.answers, self.failed)
            time.sleep(0.01)

    def _ask(self, number: int) -> None:
        with httpx.Client(timeout=30, headers=self._headers, trust_env=False) as client:
            while not self._over.is_set():
                try:
                    answer = client.post(self._url, json={"from": number})
                    said = str(answer.json()["version"]) if answer.status_code == 200 else ""
                    wrong = f"{answer.status_code} {answer.text[:200]}"
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    said, wrong = "", f"{type(error).__name__}: {error}"
                with self._lock:
                    if said:
                        self.answers[said] += 1
                    else:
                        self.failed[wrong] += 1
                time.sleep(0.005)
