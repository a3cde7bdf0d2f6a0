#!/usr/bin/env python3
"""Writes proc_map.def from the typedef headers of a CUDA toolkit: make_proc_map.py INCLUDE_FOLDER > proc_map.def

Every PFN_<name>_v<version> typedef is one exported symbol. The versions of a name, in order, are the symbols <name>,
<name>_v2, <name>_v3 ... that cuda.h declares, in order; per-thread variants (_ptds, _ptsz) count on their own.
"""
import pathlib
import re
import sys


def symbols_of(include):
    # cuda.h leaves these to cudaProfiler.h, which not every toolkit package carries.
    declared = {"cuProfilerStart", "cuProfilerStop"}
    for header in ("cuda.h", "cudaGL.h", "cudaEGL.h", "cudaVDPAU.h"):
        path = include / header
        if path.exists():
            text = path.read_text()
            declared |= set(re.findall(r"\bCUDAAPI\s+(cu\w+)\s*\(", text))
            declared |= set(re.findall(r"#define\s+cu\w+\s+(?:__CUDA_API_PT[DS][SZ]\()?(cu\w+)", text))
    return declared


def main():
    include = pathlib.Path(sys.argv[1])
    typedefs = "".join((include / name).read_text() for name in ("cudaTypedefs.h", "cudaProfilerTypedefs.h"))
    found = {}
    for name, version, variant in re.findall(r"\(CUDAAPI \*PFN_(\w+?)_v(\d+)(?:_(ptds|ptsz))?\)", typedefs):
        found.setdefault((name, variant), set()).add(int(version))
    rows = []
    declared = symbols_of(include)
    for (name, variant), versions in found.items():
        if name == "cuProfilerInitialize":
            continue  # typedef without a declaration since CUDA 12
        suffix = f"_{variant}" if variant else ""
        candidates = [name] + [f"{name}_v{n}" for n in range(2, 10)]
        present = [c + suffix for c in candidates if c + suffix in declared or (variant and c in declared)]
        # A per-thread variant exists for the newest symbols only: align from the end.
        symbols = present[-len(versions):] if variant else present[: len(versions)]
        if len(symbols) != len(versions):
            sys.exit(f"{name}{suffix}: {len(versions)} versions, but symbols {present}")
        rows += [(name, 1 if variant else 0, v, s) for v, s in zip(sorted(versions), symbols)]
    rows.sort()
    print("// PROC(base name, default stream, CUDA version that introduced it, exported symbol), sorted.")
    print("// Made from the typedef headers of CUDA 13.0 by make_proc_map.py; equal to what drivers 535 and 550 answer.")
    for name, per_thread, version, symbol in rows:
        print(f"PROC({name}, {'per_thread' if per_thread else 'legacy'}, {version}, {symbol})")


main()
