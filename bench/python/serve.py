"""A contender in Python: serve.py BENCH. Answers the questions of bench/protocol.ts, one JSON document a line.

Questions come on stdin, answers go to file descriptor 3, so that nothing that a library prints can get between them.
The module BENCH has `prepare(task)`, which gives an object with `run(variant)`, timed, `values(made)`, arrays of the numbers that
contenders must agree on, and optionally `reset()`, which undoes a run and is not timed.
"""

import importlib
import json
import os
import sys
import time

import numpy as np

MAX_REPETITIONS = 500
MAX_VALUES = 4096


def timed(ready, variant):
    """What a run made, and its milliseconds."""
    started = time.perf_counter()
    made = ready.run(variant)
    return made, 1000 * (time.perf_counter() - started)


def milliseconds(ready, variant):
    """The time of one run, which is undone."""
    _, ms = timed(ready, variant)
    getattr(ready, "reset", lambda: None)()
    return ms


def mean(ready, variant, least):
    """The mean of as many runs as fill `least` milliseconds."""
    first = milliseconds(ready, variant)
    repetitions = min(MAX_REPETITIONS, int(least / first))
    if repetitions < 2:
        return first
    return sum(milliseconds(ready, variant) for _ in range(repetitions)) / repetitions


def spread(made):
    """Numbers spread evenly over an array."""
    flat = np.asarray(made).ravel()
    return flat[:: (flat.size // MAX_VALUES) | 1].astype(float).tolist()


def answer(question, bench, state):
    """Does what the question asks; `state` holds what is prepared."""
    if question["kind"] == "start":
        return {}
    if question["kind"] == "prepare":
        state.clear()
        state["ready"] = bench.prepare(question["task"])
        return {}
    ready = state["ready"]
    if question["kind"] == "time":
        return {"ms": mean(ready, question["variant"], question["least"])}
    made, ms = timed(ready, question["variant"])
    found = [spread(one) for one in ready.values(made)]
    getattr(ready, "reset", lambda: None)()
    return {"ms": ms, "values": found}


def main():
    bench = importlib.import_module(sys.argv[1])
    state = {}
    with os.fdopen(3, "w", buffering=1) as answers:
        for line in sys.stdin:
            try:
                given = answer(json.loads(line), bench, state)
            except Exception as error:  # told to the bench, which goes on with the next case
                given = {"error": f"{type(error).__name__}: {error}"[:500]}
            answers.write(json.dumps(given) + "\n")


main()
