#!/usr/bin/python3
"""The pod runner keeps what Kubernetes promises a pod: order, environment, mounts, users, restarts, deadline, clean-up."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

run_pod = Path(__file__).resolve().parent / "run_pod"


def pod(containers, init=(), **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "volumes": [{"name": "v", "emptyDir": {}}], "initContainers": list(init), "containers": list(containers), **spec}}


def shell(name, script, mount=None, **more):
    mounts = [{"name": "v", "mountPath": mount}] if mount else []
    return {"name": name, "image": "i", "command": ["sh", "-c"], "args": [script], "volumeMounts": mounts, **more}


class RunPod(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.image = Path(self.folder.name, "image")
        (self.image / "lib/vcuda").mkdir(parents=True)
        (self.image / "lib/vcuda/a.so").write_text("library")
        (self.image / "usr/local/bin").mkdir(parents=True)
        tool = self.image / "usr/local/bin/vcuda-tool"
        tool.write_text("#!/bin/sh\necho tool of the image\n")
        tool.chmod(0o755)
        self.temporary = Path(self.folder.name, "tmp")
        self.temporary.mkdir()

    def tearDown(self):
        self.assertEqual(list(self.temporary.iterdir()), [], "run_pod left something behind")
        self.assertNotIn(str(self.temporary), Path("/proc/mounts").read_text())
        self.folder.cleanup()

    def command(self, *options):
        return [run_pod, "-", "--quiet", "--image", f"i={self.image}", *options]

    def run_one(self, manifest, *options):
        return subprocess.run(self.command(*options), input=json.dumps(manifest), text=True, capture_output=True,
                              timeout=60, env={**os.environ, "TMPDIR": str(self.temporary)})

    def test_init_containers_run_in_order_and_share_the_volume(self):
        result = self.run_one(pod([shell("app", "cat /lib/vcuda/log; ls /lib/vcuda", "/lib/vcuda")], init=[
            shell("one", "cp /lib/vcuda/*.so /target/lib/vcuda/; echo one >>/target/lib/vcuda/log", "/target/lib/vcuda"),
            shell("two", "echo two >>/target/lib/vcuda/log", "/target/lib/vcuda")]))
        self.assertEqual(result.stdout, "app | one\napp | two\napp | a.so\napp | log\n", result.stderr)

    def test_exit_code_is_the_apps(self):
        self.assertEqual(self.run_one(pod([shell("app", "exit 7")])).returncode, 7)
        self.assertEqual(self.run_one(pod([shell("app", "kill -9 $$$$")], shareProcessNamespace=True)).returncode, 137)

    def test_a_failing_init_container_fails_the_pod(self):
        result = self.run_one(pod([shell("app", "echo never")], init=[shell("bad", "exit 3")]))
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("init container bad ended with 3", result.stderr)

    def test_environment_is_the_pods_and_expands_only_earlier_names(self):
        env = [{"name": "A", "value": "x"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"}, {"name": "C", "value": "c"},
               {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        result = self.run_one(pod([{"name": "app", "image": "i", "command": ["env"], "env": env}]))
        lines = set(result.stdout.replace("app | ", "").splitlines())
        self.assertEqual(lines, {"A=x", "B=x-$(C)-$(A)", "C=c", "N=p", "HOME=/root", "HOSTNAME=p",
                                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})

    def test_arguments_expand_and_reach_the_program_unsplit(self):
        words = ["printf", "%s\n", "a b", "$(A)", "$(NO)", "'q'"]
        result = self.run_one(pod([{"name": "app", "image": "i", "command": words[:1], "args": words[1:],
                                    "env": [{"name": "A", "value": "1 2"}]}]))
        self.assertEqual(result.stdout, "app | a b\napp | 1 2\napp | $(NO)\napp | 'q'\n")

    def test_image_is_laid_over_the_hosts_system_folders(self):
        result = self.run_one(pod([shell("app", "vcuda-tool; cat /lib/vcuda/a.so; ls -A /root /home | grep -c .")]))
        self.assertEqual(result.stdout.splitlines()[:1], ["app | tool of the image"], result.stderr)
        self.assertIn("app | library", result.stdout)

    def test_nothing_of_the_host_can_be_written(self):
        folders = ["/etc", "/usr/lib", "/usr/share", "/lib/x86_64-linux-gnu", "/sys/kernel"]
        script = "; ".join(f"touch {f}/vcuda-mark 2>/dev/null && echo {f}" for f in folders) + "; echo end"
        self.assertEqual(self.run_one(pod([shell("app", script)])).stdout, "app | end\n")

    def test_read_only_mount_is_read_only(self):
        mount = {"name": "v", "mountPath": "/data", "readOnly": True}
        result = self.run_one(pod([{**shell("app", "touch /data/x || echo refused"), "volumeMounts": [mount]}]))
        self.assertIn("app | refused", result.stdout)

    @unittest.skipUnless(os.geteuid() == 0, "users of a pod need root")
    def test_user_capabilities_and_read_only_root(self):
        security = {"runAsUser": 65532, "runAsGroup": 65532, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        script = "id -u; id -g; grep -E 'CapBnd|NoNewPrivs' /proc/self/status; touch /x 2>/dev/null || echo refused"
        result = self.run_one(pod([shell("app", script, securityContext=security)]))
        self.assertEqual(result.stdout.replace("app | ", "").split(),
                         ["65532", "65532", "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "refused"], result.stderr)

    def test_root_without_capabilities_has_none(self):
        result = self.run_one(pod([shell("app", "grep CapEff /proc/self/status", securityContext={"capabilities": {"drop": ["ALL"]}})]))
        self.assertEqual(result.stdout.split()[-1], "0" * 16)

    def test_sidecar_starts_before_the_app_and_is_ended_after_it(self):
        side = shell("side", "trap 'echo bye; exit 0' TERM; sleep 0.2; touch /s/up; while :; do sleep 0.05; done", "/s",
                     restartPolicy="Always", startupProbe={"exec": {"command": ["test", "-f", "/s/up"]}, "periodSeconds": 1})
        result = self.run_one(pod([shell("app", "ls /s; echo done", "/s")], init=[side]))
        self.assertEqual(result.stdout, "app | up\napp | done\nside | bye\n", result.stderr)
        self.assertEqual(result.returncode, 0)

    def test_a_startup_probe_that_never_succeeds_fails_the_pod(self):
        side = shell("side", "sleep 100", restartPolicy="Always",
                     startupProbe={"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2})
        result = self.run_one(pod([shell("app", "echo never")], init=[side]), "--grace", "1")
        self.assertEqual((result.returncode, result.stdout), (125, ""))
        self.assertIn("startup probe", result.stderr)

    def test_a_killed_sidecar_is_started_again_and_the_app_goes_on(self):
        side = shell("side", "echo start >>/s/log; trap 'exit 0' TERM; while :; do sleep 0.05; done", "/s", restartPolicy="Always")
        app = shell("app", "echo now; while [ $(wc -l </s/log) -lt 2 ]; do sleep 0.1; done; echo twice", "/s")
        result = self.run_one(pod([app], init=[side]), "--kill", "side=now")
        self.assertEqual((result.returncode, result.stdout), (0, "app | now\napp | twice\n"), result.stderr)

    def test_containers_do_not_see_each_others_processes_unless_shared(self):
        side = shell("side", "exec sleep 77", restartPolicy="Always")
        for shared, seen in ((False, "0"), (True, "1")):
            result = self.run_one(pod([shell("app", "ps ax | grep -c '[s]leep 77'")], init=[side], shareProcessNamespace=shared), "--grace", "0.2")
            self.assertEqual(result.stdout.split()[-1], seen)

    def test_the_deadline_ends_everything(self):
        began = time.monotonic()
        result = self.run_one(pod([shell("app", "sleep 50 & sleep 51")]), "--deadline", "1")
        self.assertEqual(result.returncode, 124, result.stderr)
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn("app still runs at the deadline", result.stderr)

    def test_an_interrupt_leaves_no_process_and_no_folder(self):
        marker = f"{4000 + os.getpid()}.25"
        process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "TMPDIR": str(self.temporary)})
        process.stdin.write(json.dumps(pod([shell("app", f"echo up; sleep {marker}; :")])))
        process.stdin.close()
        self.assertEqual(process.stdout.readline(), "app | up\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=20), 130)
        process.stdout.close()
        listing = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout
        self.assertNotIn(f"sleep {marker}", listing)

    def test_what_the_runner_cannot_do_is_said(self):
        for manifest, words in (
                (pod([{"name": "app", "image": "i"}]), "no command"),
                (pod([shell("app", ":", envFrom=[{"configMapRef": {"name": "c"}}])]), "envFrom"),
                (pod([shell("app", ":")], volumes=[{"name": "h", "hostPath": {"path": "/"}}]), "hostPath"),
                (pod([shell("app", ":", securityContext={"runAsNonRoot": True})]), "runAsNonRoot"),
                ({"kind": "Deployment"}, "Deployment")):
            result = self.run_one(manifest)
            self.assertEqual(result.returncode, 125)
            self.assertIn(words, result.stderr)
        result = self.run_one(pod([{**shell("app", ":"), "image": "other"}]))
        self.assertEqual(result.returncode, 125)
        self.assertIn("no folder for image other", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
