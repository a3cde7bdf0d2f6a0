#!/usr/bin/python3
"""libutilities.so against the library it stands for: what NVML says of the node's GPUs is the same directly and remoted.

Starts a real vcuda over the software GPU. Each library is asked in a process of its own, by name, as programs do.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

build = Path(os.environ.get("VCUDA_BUILD", "build/dev"))

ask = r"""
import ctypes, json, os, sys
nvml = ctypes.CDLL(sys.argv[1])
nvml.nvmlErrorString.restype = ctypes.c_char_p

class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]

class Memory2(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint)] + [(n, ctypes.c_ulonglong) for n in ("total", "reserved", "free", "used")]

class Pci(ctypes.Structure):
    _fields_ = [("legacy", ctypes.c_char * 16)] + [(n, ctypes.c_uint) for n in "domain bus device id subsystem".split()] \
        + [("bus_id", ctypes.c_char * 32)]

def everything():
    said = {}
    said["before init"] = nvml.nvmlDeviceGetCount_v2(ctypes.byref(ctypes.c_uint()))
    said["init"] = nvml.nvmlInit_v2()
    if said["init"]:
        return said
    def text(call, *arguments, room=96):
        buffer = ctypes.create_string_buffer(room)
        code = getattr(nvml, call)(*arguments, buffer, room)
        said[call] = [code, buffer.value.decode()]
    text("nvmlSystemGetDriverVersion")
    text("nvmlSystemGetNVMLVersion")
    version, count = ctypes.c_int(), ctypes.c_uint()
    said["cuda"] = [nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(version)), version.value]
    said["count"] = [nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)), count.value]
    device = ctypes.c_void_p()
    said["device 99"] = nvml.nvmlDeviceGetHandleByIndex_v2(99, ctypes.byref(device))
    said["handle"] = nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))
    text("nvmlDeviceGetName", device)
    text("nvmlDeviceGetUUID", device)
    buffer = ctypes.create_string_buffer(4)
    said["too little room"] = nvml.nvmlDeviceGetName(device, buffer, 4)
    memory, memory2, pci = Memory(), Memory2(version=ctypes.sizeof(Memory2) | 2 << 24), Pci()
    said["memory"] = [nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)), memory.total, memory.free + memory.used]
    said["memory v2"] = [nvml.nvmlDeviceGetMemoryInfo_v2(device, ctypes.byref(memory2)), memory2.total]
    said["memory v3"] = nvml.nvmlDeviceGetMemoryInfo_v2(device, ctypes.byref(Memory2(version=1)))
    said["pci"] = [nvml.nvmlDeviceGetPciInfo_v3(device, ctypes.byref(pci)), pci.bus_id.decode(), pci.bus]
    index, major, minor = ctypes.c_uint(), ctypes.c_int(), ctypes.c_int()
    said["index"] = [nvml.nvmlDeviceGetIndex(device, ctypes.byref(index)), index.value]
    said["capability"] = [nvml.nvmlDeviceGetCudaComputeCapability(device, ctypes.byref(major), ctypes.byref(minor)),
                          major.value, minor.value]
    again = ctypes.c_void_p()
    said["by uuid"] = [nvml.nvmlDeviceGetHandleByUUID(said["nvmlDeviceGetUUID"][1].encode(), ctypes.byref(again)),
                       again.value == device.value]
    said["no handle"] = nvml.nvmlDeviceGetName(ctypes.c_void_p(0x1234), buffer, 4)
    said["error"] = nvml.nvmlErrorString(2).decode()
    said["shutdown"] = nvml.nvmlShutdown()
    said["after shutdown"] = nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    return said

said = everything()
if len(sys.argv) > 2:
    # The child of a fork begins anew, as with NVIDIA's library.
    nvml.nvmlInit_v2()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(0 if nvml.nvmlInit_v2() == 0 and everything()["count"][0] == 0 else 1)
    said["child"] = os.waitpid(child, 0)[1]
print(json.dumps(said))
"""


class Nvml(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        ports = Path(cls.folder.name, "ports")
        cls.log = open(Path(cls.folder.name, "log"), "w+")
        cls.server = subprocess.Popen(
            [build / "bin/vcuda", "--bind", "127.0.0.1", "-s", "0", "-r", "0", "-p", "0", "--port-file", ports, "--driver",
             build / "lib/libsoftgpu.so"], stdout=cls.log, stderr=cls.log)
        deadline = time.monotonic() + 30
        while not ports.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        cls.address = "127.0.0.1:" + ports.read_text().split()[0].partition("=")[2]

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.wait(20)
        cls.log.close()
        cls.folder.cleanup()

    def answers(self, library, *more, **environment):
        done = subprocess.run([sys.executable, "-c", ask, library, *more], env={**os.environ, **environment},
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_the_same_directly_and_remoted(self):
        direct, _ = self.answers(build / "lib/libsoftgpu-ml.so")
        remoted, _ = self.answers(build / "lib/libutilities.so", VCUDA_SERVER=self.address)
        self.assertEqual(direct["init"], 0)
        self.assertEqual(direct, remoted)

    def test_the_child_of_a_fork_begins_anew(self):
        remoted, _ = self.answers(build / "lib/libutilities.so", "fork", VCUDA_SERVER=self.address)
        self.assertEqual(remoted["child"], 0)

    def test_without_a_server_init_fails_and_one_line_says_why(self):
        nobody, said = self.answers(build / "lib/libutilities.so", VCUDA_SERVER="127.0.0.1:1")
        self.assertEqual(nobody["init"], 9)  # NVML_ERROR_DRIVER_NOT_LOADED
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn("127.0.0.1:1", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
