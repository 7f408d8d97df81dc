# SPDX-License-Identifier: MIT
"""The half of a framework's child process that does not know the framework: it answers bench/tools/bench-peers line by line.

A request is a line of JSON: {"mode": "eager", "what": "train", "seconds": 0.3}; the answer is {"us": [per step …], "peak_rss_bytes": n},
or {"error": "…"}. Data lie in memory, the step alone is timed. While it waits for its turn a child does nothing.
"what": "run" asks a fresh child for a short run on a real data set, {"data": folder}, whose memory counts and not its time."""

import json
import os
import resource
import sys
import time

CHUNK = 2e-3  # seconds that one sample lasts at least


def sample(step, seconds):
    """Microseconds per step, each the mean of so many that the clock does not count."""
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    if first >= max(seconds, CHUNK):  # long enough to be a sample, and too long for another
        return [first * 1e6]
    calls = max(1, int(CHUNK / max(first, 1e-7)))
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        start = time.perf_counter()
        for _ in range(calls):
            step()
        samples.append((time.perf_counter() - start) / calls * 1e6)
    return samples


def warm_up(step):
    """Five steps; of steps that last seconds the two that compiling and first allocations take."""
    end, count = time.perf_counter() + 1, 0
    while count < 2 or (count < 5 and time.perf_counter() < end):
        step()
        count += 1


def serve(make, run=None):
    """make(mode, what) gives the step as a function; it is asked once for each and warmed up. run(folder) is the short run."""
    answers, steps = os.fdopen(os.dup(1), 'w'), {}
    os.dup2(2, 1)  # whatever the framework prints is not an answer
    for line in sys.stdin:
        request = json.loads(line)
        key = request['mode'], request['what']
        try:
            if request['what'] == 'run':
                run(request['data'])
                steps[key], request['seconds'] = (lambda: None), 0
            if key not in steps:
                steps[key] = make(*key)
                warm_up(steps[key])
            answer = {'us': sample(steps[key], request['seconds'])}
        except Exception as error:  # whatever a framework throws: this mode is reported as absent, with its words
            steps.pop(key, None)
            words = str(error).strip() or type(error).__name__
            answer = {'error': words.splitlines()[0][:200]}
        answer['peak_rss_bytes'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answers.write(json.dumps(answer) + '\n')
        answers.flush()
