#!/usr/bin/python3
"""Invariants 6 and 8 and the dependency lines of the README: a room includes only the rooms below it."""
import tree

# room -> what it may include beside itself.
below = {
    "runtime-libs/contract": set(),
    "runtime-libs/wire": {"runtime-libs/contract"},
    "runtime-libs/transport": {"runtime-libs/contract", "runtime-libs/wire"},
    "runtime-libs/api": {"runtime-libs/wire"},
    "runtime-libs/export_tables": {"runtime-libs/api", "runtime-libs/wire"},
    "runtime-libs/client": {f"runtime-libs/{r}" for r in ("contract", "wire", "transport", "api", "export_tables")},
    "runtime-libs/nvml": {f"runtime-libs/{r}" for r in ("contract", "wire", "transport", "api", "client")},
    "runtime-libs/connector": {f"runtime-libs/{r}" for r in ("contract", "wire", "transport")},
    "runtime-libs/server": {f"runtime-libs/{r}" for r in ("contract", "wire", "transport", "api")},
    "runtime-libs/softgpu": {f"runtime-libs/{r}" for r in ("wire", "api", "export_tables")},
    "injector": {"runtime-libs/contract"},
    "webhook": {"runtime-libs/contract", "injector"},
    "certs": set(),
}


def room_of(path):
    parts = str(path).split("/")
    return "/".join(parts[:2]) if parts[0] == "runtime-libs" else parts[0]


findings = []
for path in tree.sources():
    room = room_of(path)
    if room == "tests":
        continue
    if room not in below:
        findings.append(f"{path}: no dependency line for {room}: add it here and to the README's map")
        continue
    for number, name in tree.includes(path):
        if not (tree.root / name).is_file():
            # A quoted name beside its file is a project file as well: sources include from the root.
            if (tree.root / path.parent / name).is_file():
                findings.append(f"{path}:{number}: includes {name}; write it from the root: {path.parent / name}")
            continue
        other = room_of(name)
        if other != room and other not in below[room]:
            allowed = ", ".join(sorted(below[room])) or "no other room"
            findings.append(f"{path}:{number}: {room} includes {name}; it may include {allowed}")
tree.report("a room includes only what stands below it; injector and runtime meet in contract alone", findings)
