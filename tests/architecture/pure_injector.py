#!/usr/bin/python3
"""Invariant 1: the injector opens no file or socket and reads no clock or environment. Its sources are read, and the
symbols its built archives ask of others: pure_injector.py ARCHIVE...
"""
import re
import subprocess
import sys

import tree

# The command line's shell: the only files of the room that touch the world.
shell = {"injector/main.cpp", "injector/source.cpp", "injector/source.hpp"}
headers = re.compile(r"^(fstream|filesystem|chrono|ctime|time\.h|unistd\.h|fcntl\.h|poll\.h|netdb\.h|dlfcn\.h|thread|random"
                     r"|sys/.*|arpa/.*|netinet/.*|boost/(asio|beast|filesystem|process)\b.*|spdlog/.*)$")
words = re.compile(r"\b(getenv|secure_getenv|fopen|freopen|popen|system_clock|steady_clock|ifstream|ofstream|fstream"
                   r"|LoadFile|LoadAllFromFile|random_device)\b")
calls = {"open", "open64", "openat", "fopen", "fopen64", "freopen", "creat", "socket", "connect", "getenv", "secure_getenv",
         "environ", "time", "clock_gettime", "gettimeofday", "stat", "stat64", "opendir", "popen", "system", "fork",
         "execve", "getrandom", "random", "rand"}

findings = []
files = [p for p in tree.sources() if p.parts[0] == "injector" and str(p) not in shell]
for path in files:
    for number, name in tree.includes(path):
        if headers.match(name):
            findings.append(f"{path}:{number}: includes <{name}>; what it gives comes in as a value")
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        found = words.search(line.split("//")[0])
        if found:
            findings.append(f"{path}:{number}: uses {found.group(1)}; what it gives comes in as a value")
for archive in sys.argv[1:]:
    listed = subprocess.run(["nm", "-uC", "--format=posix", archive], capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"nm cannot read {archive}: {listed.stderr.strip()}")
    for line in listed.stdout.splitlines():
        symbol = re.sub(r"@.*", "", line.rsplit(" U", 1)[0]).strip()
        if symbol in calls or re.match(r"std::(basic_(if|of|f)stream|basic_filebuf|chrono|filesystem|random_device)", symbol):
            findings.append(f"{archive}: needs {symbol}")
if not files:
    findings.append("no sources under injector/: is the room's name still right?")
tree.report("the injector is pure: no file, socket, clock or environment outside main.cpp and source.cpp", findings)
