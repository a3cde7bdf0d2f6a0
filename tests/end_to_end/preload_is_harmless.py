#!/usr/bin/python3
"""Programs that never call CUDA do not notice that both libraries are preloaded into them: same output, no socket, no
thread, no file opened but the libraries, under 1 ms a process. preload_is_harmless.py LIBRARY_FOLDER
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

libraries = [str(Path(sys.argv[1], name).resolve()) for name in ("libutilities.so", "libvcuda.so")]
for library in libraries:
    if not os.path.exists(library):
        sys.exit(f"{library} is not built")
plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
preloaded = {**plain, "LD_PRELOAD": ":".join(libraries)}
command = ["sh", "-c", "cat /etc/hostname; /usr/bin/python3 -c pass; echo end >&2"]
failures = []


def run(environment, prefix=()):
    return subprocess.run([*prefix, *command], env=environment, capture_output=True, text=True, timeout=60)


def trace(environment):
    """Runs the command under strace; returns the calls that reach outside a process, each process' start left out."""
    with tempfile.TemporaryDirectory() as folder:
        result = run(environment, ("strace", "-f", "-qq", "-o", f"{folder}/trace", "-e", "trace=network,openat,open,clone,clone3,fork,vfork,connect,eventfd2,epoll_create1,pipe2,memfd_create,kill,rt_sigaction,prctl"))
        if result.returncode != 0:
            sys.exit(f"strace: {result.stderr}")
        lines = Path(f"{folder}/trace").read_text().splitlines()
    calls = [re.sub(r"^\d+\s+", "", line) for line in lines]
    return [call for call in calls if call[0] not in "+-<"]  # ends, signals, second halves of interrupted calls


def described(calls):
    """Splits calls into the paths opened and the names of all else."""
    opened = {re.search(r'"(.*?)"', call).group(1) for call in calls if call.startswith("open")}
    others = Counter(re.match(r"\w+", call).group(0) for call in calls if not call.startswith("open"))
    return opened, others


def fastest_ms(environment, runs=150):
    best = float("inf")
    for _ in range(runs):
        began = time.perf_counter()
        os.waitpid(os.posix_spawn("/bin/true", ["true"], environment), 0)
        best = min(best, time.perf_counter() - began)
    return best * 1000


without, with_them = run(plain), run(preloaded)
if (without.returncode, without.stdout, without.stderr) != (with_them.returncode, with_them.stdout, with_them.stderr):
    failures.append(f"the output differs: {without.stdout!r} {without.stderr!r} became {with_them.stdout!r} {with_them.stderr!r}")

opened, others = described(trace(plain))
opened_preloaded, others_preloaded = described(trace(preloaded))
extra = opened_preloaded - opened - set(libraries)
if extra:
    failures.append(f"opens {', '.join(sorted(extra))}")
if not set(libraries) <= opened_preloaded:
    failures.append("the libraries were not even loaded")
if others != others_preloaded:
    failures.append(f"system calls differ, more: {dict(others_preloaded - others)}, fewer: {dict(others - others_preloaded)}")

# The fastest of many starts is what the libraries cost; the rest is the machine's other work.
added_ms = fastest_ms(preloaded) - fastest_ms(plain)
print(f"a process costs {added_ms:.2f} ms more with both libraries preloaded")
if added_ms >= 1:
    failures.append("that is 1 ms or more")

print("\n".join(f"FAILED: {failure}" for failure in failures) or "same output, nothing opened, no socket, no thread")
sys.exit(1 if failures else 0)
