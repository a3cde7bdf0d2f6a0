#!/usr/bin/python3
"""The server's three ports as strangers, broken clients and honest ones use them, spoken byte by byte from here.

Starts a real vcuda over the software GPU on ports of the system's choosing. Usage: registration_test.py
"""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

build = Path(os.environ["VCUDA_BUILD"])
MAGIC, VERSION, CUDA, NVML = 0x41445543, 1, 1, 2
REGISTER = struct.Struct("<IHHiII")       # magic, version, kind, device, process, credentials_bytes
REGISTERED = struct.Struct("<IHH16sHHI")  # magic, version, outcome, token, request port, reply port, message bytes
PREAMBLE = struct.Struct("<IHH16s")       # magic, version, role, token
REPLY = struct.Struct("<IIiI")            # body bytes, sequence, result, flags
ACCEPTED, REFUSED, WRONG_VERSION, BUSY = range(4)
REQUESTS, REPLIES = 1, 2


def receive(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError(f"closed after {len(data)} of {count} bytes")
        data += piece
    return data


class Server:
    # A connection lasts as long as a name holds it: tests name what must stay open.

    def __init__(self, *options, under=()):
        self.folder = tempfile.TemporaryDirectory()
        ports = Path(self.folder.name, "ports")
        self.log = open(Path(self.folder.name, "log"), "w+")
        self.process = subprocess.Popen(
            [*under, build / "bin/vcuda", "--bind", "127.0.0.1", "-s", "0", "-r", "0", "-p", "0", "--port-file", ports,
             "--driver", build / "lib/libsoftgpu.so", *options], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while not ports.exists():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("vcuda did not start: " + self.text())
            time.sleep(0.01)
        self.ports = dict(line.split("=") for line in ports.read_text().split())

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self, port):
        connection = socket.create_connection(("127.0.0.1", int(self.ports[port])), timeout=20)
        connection.settimeout(20)
        return connection

    def register(self, version=VERSION, kind=CUDA, credentials=b"", announced=None):
        connection = self.connect("register")
        announced = len(credentials) if announced is None else announced
        connection.sendall(REGISTER.pack(MAGIC, version, kind, -1, os.getpid(), announced) + credentials)
        answer = REGISTERED.unpack(receive(connection, REGISTERED.size))
        message = receive(connection, answer[6]).decode()
        return connection, answer, message

    def data(self, role, token, magic=MAGIC, port=None):
        connection = self.connect(port or ("requests" if role == REQUESTS else "replies"))
        connection.sendall(PREAMBLE.pack(magic, VERSION, role, token))
        return connection

    def session(self, kind=CUDA):
        control, answer, _ = self.register(kind=kind)
        requests, replies = self.data(REQUESTS, answer[3]), self.data(REPLIES, answer[3])
        size, sequence, result, _ = REPLY.unpack(receive(replies, REPLY.size))
        body = receive(replies, size)
        return control, requests, replies, (sequence, result, body)

    def workers(self):
        """The server's children, in the order they were started, by the parent each names itself."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid:
                found.append(int(entry.name))
        return sorted(found)

    def discard(self):
        """Whatever became of it, nothing of it stays."""
        self.process.kill()
        self.process.wait(20)
        self.log.close()
        self.folder.cleanup()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.discard()
        return code


def is_closed(connection):
    """Whether the other side ends the connection without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Registration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(f"SIGTERM ended vcuda with {code}, not 0")

    def assert_serves(self):
        control, requests, replies, (sequence, result, body) = self.server.session()
        self.assertEqual((sequence, result), (0, 0))
        self.assertEqual(struct.unpack_from("<IH", body), (MAGIC, VERSION))
        for connection in (control, requests, replies):
            connection.close()

    def test_an_honest_client_is_welcomed(self):
        self.assert_serves()

    def test_a_nvml_session_is_welcomed(self):
        *_, (sequence, result, body) = self.server.session(kind=NVML)
        self.assertEqual((sequence, result), (0, 0))
        self.assertIn(b"GPU-", body)

    def test_another_protocol_version_is_told_both(self):
        _, answer, message = self.server.register(version=99)
        self.assertEqual(answer[2], WRONG_VERSION)
        self.assertEqual(answer[3], bytes(16), "no token for whom nothing is served")
        self.assertIn("99", message)

    def test_an_unknown_kind_is_refused(self):
        _, answer, message = self.server.register(kind=7)
        self.assertEqual(answer[2], REFUSED)
        self.assertIn("7", message)

    def test_noise_on_each_port_is_cut_off(self):
        for port in ("register", "requests", "replies"):
            connection = self.server.connect(port)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: gpu\r\n\r\n" * 4)
            self.assertTrue(is_closed(connection), port)
        self.assert_serves()

    def test_announced_credentials_are_bounded(self):
        connection = self.server.connect("register")
        connection.sendall(REGISTER.pack(MAGIC, VERSION, CUDA, -1, 1, 0xFFFFFFFF))
        self.assertTrue(is_closed(connection))

    def test_half_a_registration_is_let_go(self):
        for port, half in (("register", REGISTER.pack(MAGIC, VERSION, CUDA, -1, 1, 100)), ("requests", b"CUDA")):
            connection = self.server.connect(port)
            connection.sendall(half)
            self.assertTrue(is_closed(connection), port)  # within the server's deadline, far below this socket's

    def test_a_guessed_token_opens_nothing(self):
        self.server.register()
        for role in (REQUESTS, REPLIES):
            self.assertTrue(is_closed(self.server.data(role, os.urandom(16))))
            self.assertTrue(is_closed(self.server.data(role, bytes(16))))

    def test_a_token_is_good_once_and_on_its_port(self):
        _, answer, _ = self.server.register()
        self.assertTrue(is_closed(self.server.data(REQUESTS, answer[3], port="replies")))
        first = self.server.data(REQUESTS, answer[3])
        self.assertTrue(is_closed(self.server.data(REQUESTS, answer[3])))
        replies = self.server.data(REPLIES, answer[3])
        receive(replies, REPLY.size)
        self.assertTrue(is_closed(self.server.data(REPLIES, answer[3])))
        first.close()

    def test_an_unused_token_expires(self):
        _, answer, _ = self.server.register()
        time.sleep(7)  # token_lifetime_ms, and the sweep once a second
        self.assertTrue(is_closed(self.server.data(REQUESTS, answer[3])))

    def test_a_session_ends_with_its_connections(self):
        control, requests, replies, _ = self.server.session()
        [worker] = self.server.workers()[-1:]
        requests.close()
        replies.close()
        self.assertTrue(wait_for(lambda: worker not in self.server.workers()))
        control.close()

    def test_a_session_outlives_its_registration(self):
        control, requests, replies, _ = self.server.session()
        control.close()
        # An opcode nobody has is answered, so the worker is there: wants_reply, thread 1, sequence 5.
        requests.sendall(struct.pack("<IHHIIQ", 0, 0x7FF, 1, 1, 5, 0))
        _, sequence, result, _ = REPLY.unpack(receive(replies, REPLY.size))
        self.assertEqual((sequence, result), (5, 801))
        requests.close()

    def test_a_frame_beyond_the_limit_ends_only_its_session(self):
        control, requests, replies, _ = self.server.session()
        requests.sendall(struct.pack("<IHHIIQ", 0xFFFFFFFF, 0x501, 1, 1, 1, 0))
        self.assertTrue(is_closed(replies))
        self.assert_serves()

    def test_a_killed_worker_ends_only_its_session(self):
        control, requests, replies, _ = self.server.session()
        os.kill(self.server.workers()[-1], signal.SIGKILL)
        self.assertTrue(is_closed(replies))
        self.assert_serves()

    def test_a_worker_holds_only_its_own_connections(self):
        held = [self.server.session() for _ in range(3)]
        for worker in self.server.workers():
            sockets = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
            self.assertEqual(sum(link.startswith("socket:") for link in sockets), 2, sockets)
        del held


class Limits(unittest.TestCase):
    def test_sessions_are_bounded_and_the_next_is_told(self):
        server = Server("--max-sessions", "2")
        self.addCleanup(server.discard)
        held = [server.session(), server.session()]
        _, answer, message = server.register()
        self.assertEqual(answer[2], BUSY)
        self.assertIn("--max-sessions", message)
        for connection in held[0][:3]:
            connection.close()
        self.assertTrue(wait_for(lambda: len(server.workers()) == 1))
        server.session()
        self.assertEqual(server.stop(), 0)

    def test_a_server_may_be_the_first_process_of_its_container(self):
        alone = ["unshare", "--pid", "--fork", "--kill-child"]
        if subprocess.run([*alone, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("this machine permits no PID namespace")
        server = Server(under=alone)
        self.addCleanup(server.discard)
        control, requests, replies, (sequence, result, _) = server.session()
        self.assertEqual((sequence, result), (0, 0))

    def test_a_killed_server_leaves_no_worker(self):
        server = Server()
        self.addCleanup(server.discard)
        control, requests, replies, _ = server.session()
        [worker] = server.workers()
        server.process.kill()
        server.process.wait(20)
        self.assertTrue(is_closed(replies))
        self.assertTrue(wait_for(lambda: not Path(f"/proc/{worker}").exists()))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # sockets are left to the end of each test
