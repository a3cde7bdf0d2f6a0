#!/usr/bin/python3
"""Invariant 3: libvcuda.so and libutilities.so burden no process that loads them: libc alone, no glibc symbol newer
than 2.17, no C++ runtime, no constructor that does work. preload_libraries.py LIBRARY...
"""
import sys

import elf
import tree

allowed_needed = {"libc.so.6", "ld-linux-x86-64.so.2"}
newest = (2, 17)  # RHEL 7 and every image since: the oldest glibc that CUDA 12 images carry
sonames = {"libvcuda.so": "libcuda.so.1", "libutilities.so": "libnvidia-ml.so.1"}
runtime_marks = {"_Znwm", "_ZdlPv", "__cxa_throw", "__cxa_begin_catch", "_ZSt9terminatev", "__gxx_personality_v0",
                 "__cxa_guard_acquire", "__cxa_pure_virtual"}
# crtstuff's own: it registers nothing when the program has no transactional memory clones.
harmless_constructors = {"frame_dummy"}
libc_own = {"__cxa_finalize", "__cxa_atexit"}  # named like the C++ runtime's, part of glibc since 2.2

findings = []
for path in sys.argv[1:]:
    name, library = path.rsplit("/", 1)[-1], elf.Library(path)
    if library.soname != sonames.get(name):
        findings.append(f"{name}: SONAME is {library.soname}, expected {sonames.get(name)}")
    for needed in sorted(set(library.needed) - allowed_needed):
        findings.append(f"{name}: NEEDED {needed}: only libc may be")
    for version in sorted(library.versions):
        numbers = version.removeprefix("GLIBC_").split(".")
        if not all(n.isdigit() for n in numbers) or tuple(map(int, numbers))[:2] > newest:
            findings.append(f"{name}: asks for {version}, newest allowed 2.17 (readelf -V names the symbol)")
    for symbol in sorted((library.undefined | library.symbols()) & runtime_marks):
        findings.append(f"{name}: has {symbol}: that is the C++ runtime")
    for symbol in sorted(s for s in library.undefined if s.startswith(("_ZS", "_ZNS", "_ZNKS", "__cxa_")) and s not in libc_own):
        findings.append(f"{name}: needs {symbol} of the C++ runtime")
    for constructor in library.constructor_names():
        if constructor not in harmless_constructors:
            findings.append(f"{name}: runs {constructor} when loaded")
if len(sys.argv) < 2:
    findings.append("no library was named")
tree.report("preloaded libraries need libc <= 2.17 alone and do nothing when loaded", findings)
