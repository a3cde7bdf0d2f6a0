#!/usr/bin/python3
"""Invariant 4: libvcuda.so exports every function cuda.h declares and nothing else but its own vcuda_ anchors; the call
table has exactly one row for each. exports.py LIBVCUDA LIBUTILITIES CUDA_INCLUDE
"""
import re
import subprocess
import sys
from collections import Counter

import elf
import tree

cuda_library, nvml_library, include = sys.argv[1:]

# Unversioned names and per-thread twins are declared only for the driver's own builds.
expanded = subprocess.run(["cc", "-E", "-P", "-D__CUDA_API_VERSION_INTERNAL", f"-I{include}", "-x", "c", f"{include}/cuda.h"],
                          capture_output=True, text=True)
if expanded.returncode != 0:
    sys.exit(f"cc cannot read {include}/cuda.h: {expanded.stderr.strip()}")
declared = set(re.findall(r"\bCUresult\s+(cu[A-Z]\w*)\s*\(", expanded.stdout))

findings = []
if len(declared) < 600:
    findings.append(f"found only {len(declared)} functions in cuda.h: this test no longer reads it right")

exported = elf.Library(cuda_library).exports
findings += [f"libvcuda.so does not export {name}" for name in sorted(declared - exported)]
findings += [f"libvcuda.so exports {name}, which cuda.h does not declare"
             for name in sorted(exported - declared) if not name.startswith("vcuda_")]
findings += [f"libutilities.so exports {name}: only nvml names belong there"
             for name in sorted(elf.Library(nvml_library).exports) if not name.startswith(("nvml", "vcuda_"))]

rows, opcodes, kinds = {}, {}, Counter()
for path in sorted((tree.root / "runtime-libs/api/calls").glob("*.def")):
    for kind, opcode, row in re.findall(r"^([A-Z]+)\((?:(0x[0-9a-fA-F]+),\s*)?(\w+)", path.read_text(), re.M):
        if path.name != "internal.def":
            rows.setdefault(row, []).append(path.name)
            kinds[kind] += 1
        if opcode:
            opcodes.setdefault(int(opcode, 16), []).append(row)
findings += [f"opcode {opcode:#06x} is given twice: {', '.join(names)}" for opcode, names in sorted(opcodes.items()) if len(names) > 1]
findings += [f"the table has no row for {name}" for name in sorted(declared - rows.keys())]
findings += [f"the table has a row for {name}, which cuda.h does not declare" for name in sorted(rows.keys() - declared)]
findings += [f"the table has {len(where)} rows for {name}: {', '.join(where)}" for name, where in sorted(rows.items()) if len(where) > 1]
print(", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
tree.report(f"exports, table and cuda.h agree on {len(declared)} functions", findings)
