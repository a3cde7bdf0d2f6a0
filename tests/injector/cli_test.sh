#!/usr/bin/env bash
# vcuda-inject as its user meets it: outputs, reports, exit codes, bad input. Needs no network and no cluster.
set -u
inject="$VCUDA_BUILD/bin/vcuda-inject"
[ -x "$inject" ] || { echo "$inject is not built"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() { echo "FAIL: $*"; sed 's/^/    stdout: /' out | head -20; sed 's/^/    stderr: /' err | head -20; failures=$((failures + 1)); }

# expect CODE WHAT ARGS...: runs vcuda-inject, checks its exit status, keeps its streams in out and err.
expect() {
  local code=$1 what=$2; shift 2
  timeout 20 "$inject" "$@" >out 2>err </dev/null
  local rc=$?
  [ $rc -eq "$code" ] || fail "$what: exit $rc, expected $code (vcuda-inject $*)"
}
says() { grep -qF -- "$1" err || fail "stderr does not say: $1"; }
one_line() { [ "$(wc -l <err)" -eq 1 ] || fail "expected one line on stderr"; }
silent() { [ ! -s out ] || fail "expected nothing on stdout"; }

cat >deployment.yaml <<'YAML'
# The seed's Deployment (document 0, step 3), as a person keeps it.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: tensor-fusion-test-on-cpu-node-kyverno   # a long name
  namespace: tensor-fusion-test
spec:
  replicas: 1
  selector: {matchLabels: {workload: test}}
  template:
    metadata:
      labels:
        workload: test
      annotations:
        tensor-fusion.ai/enabled: "true"
    spec:
      containers:
        # the only container
        - name: app
          image: 'pytorch/pytorch:2.3.1-cuda12.1-cudnn8-runtime'
          env:
          - {name: LD_PRELOAD, value: "/opt/jemalloc.so"}   # theirs
          resources:
            limits:
              nvidia.com/gpu: '1' # one card
          command:
            - sleep
            - infinity
YAML

# -- yaml: edited in place, read back by another parser, undone byte for byte
expect 0 "a Deployment" -f deployment.yaml --server 10.0.0.1
says "deployment.yaml:1: Deployment tensor-fusion-test/tensor-fusion-test-on-cpu-node-kyverno: injected: into app, native sidecar, server 10.0.0.1"
says "warning: container 'app': nvidia.com/gpu is taken away"
for line in "  name: tensor-fusion-test-on-cpu-node-kyverno   # a long name" "        # the only container" \
  "  selector: {matchLabels: {workload: test}}" \
  '          - {name: LD_PRELOAD, value: "/lib/vcuda/libutilities.so:/lib/vcuda/libvcuda.so:/opt/jemalloc.so"}   # theirs' \
  '              command: ["vcuda-client", "--ready"]'; do
  grep -qF -- "$line" out || fail "the output lacks the line: $line"
done
cp out injected.yaml
expect 0 "undo" undo -f injected.yaml
cmp -s out deployment.yaml || fail "undo does not give the original bytes"
says "undone"
expect 0 "a second injection" -f injected.yaml --server 10.0.0.1
cmp -s out injected.yaml || fail "a second injection changes the file"
says "unchanged: already injected"

# -- json and jsonpatch agree with yaml
expect 0 "json" -f deployment.yaml --server 10.0.0.1 -o json
cp out injected.json
expect 0 "jsonpatch" -f deployment.yaml --server 10.0.0.1 -o jsonpatch
cp out patch.json
python3 - <<'PY' || fail "json, jsonpatch and yaml do not agree"
import json
after = json.load(open("injected.json")); patch = json.load(open("patch.json"))
assert after["kind"] == "Deployment" and isinstance(patch, list)
assert all(op["path"].startswith("/spec/template/") for op in patch), patch
app = after["spec"]["template"]["spec"]["containers"][0]
assert app["resources"] == {"limits": {}}, app
assert app["env"][0]["value"].endswith(":/opt/jemalloc.so")
assert [c["name"] for c in after["spec"]["template"]["spec"]["initContainers"]] == ["copy-runtime-libs", "vcuda-client"]
try:
    import yaml
except ImportError:
    print("note: no PyYAML, the YAML was not read by a second parser")
else:
    assert yaml.safe_load(open("injected.yaml")) == after
PY
expect 0 "json back" undo -f injected.json -o json

# -- several documents, several files, a folder, standard input
cat >many.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  alert: "{{ $labels.instance }} is down"   # not a template of ours
--- # a Job
apiVersion: batch/v1
kind: Job
metadata:
  name: train
spec:
  template:
    metadata:
      annotations: {tensor-fusion.ai/enabled: "true"}
    spec:
      restartPolicy: Never
      containers:
      - name: train
        image: x
---
# only a comment
---
apiVersion: v1
kind: Pod
metadata:
  name: plain
spec:
  containers: [{name: app, image: x}]
YAML
expect 0 "many documents" -f many.yaml --server gpu.example
says "many.yaml:6: Job train: injected: into train"
says "many.yaml:22: Pod plain: skipped: the pod does not ask for injection"
cp out many.out
expect 0 "undo of many documents" undo -f many.out
cmp -s out many.yaml || fail "undo of many documents does not give the original bytes"
mkdir folder && cp many.yaml folder/b.yml && cp deployment.yaml folder/a.yaml && echo no >folder/readme.txt
expect 0 "a folder" -f folder --server gpu.example
says "folder/a.yaml:1: Deployment"
says "folder/b.yml:6: Job"
timeout 20 "$inject" -f - --server gpu.example <many.yaml >out 2>err || fail "standard input"
cmp -s out many.out || fail "standard input gives something else than the file"
says "<stdin>:6: Job train"
expect 0 "a List" -f many.yaml --server gpu.example -o json
cp out list.json
grep -q '"kind": "List"' list.json || fail "several objects as json are no List"
expect 0 "a List in" undo -f list.json -o json
says "list.json:1: Job train: undone"

# -- every kind with a template, and one it does not know
for kind in "apps/v1 StatefulSet" "apps/v1 DaemonSet" "apps/v1 ReplicaSet" "extensions/v1beta1 Deployment" "batch/v1 Job"; do
  printf 'apiVersion: %s\nkind: %s\nmetadata: {name: w}\nspec:\n  template:\n    metadata:\n      annotations:\n        tensor-fusion.ai/enabled: "true"\n    spec:\n      containers:\n      - name: app\n' $kind >kind.yaml
  expect 0 "$kind" -f kind.yaml --server s --require
done
printf 'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: w}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        metadata:\n          annotations:\n            tensor-fusion.ai/enabled: "true"\n        spec:\n          containers:\n          - name: app\n' >kind.yaml
expect 0 "CronJob" -f kind.yaml --server s --require
printf 'apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: w}\nspec:\n  pytorchReplicaSpecs:\n    Master: &t\n      template:\n        metadata:\n          annotations:\n            tensor-fusion.ai/enabled: "true"\n        spec:\n          containers:\n          - name: pytorch\n' >kind.yaml
expect 0 "PyTorchJob" -f kind.yaml --server s --require
printf 'apiVersion: example.com/v1\nkind: Odd\nmetadata: {name: w}\nspec:\n  pods:\n  - template:\n      metadata:\n        annotations:\n          tensor-fusion.ai/enabled: "true"\n      spec:\n        containers:\n        - name: app\n' >kind.yaml
expect 3 "a kind it does not know" -f kind.yaml --server s --require
expect 0 "a kind it is told about" -f kind.yaml --server s --require --template-path '/spec/pods/*/template'

# -- policy
cat >policy.yaml <<'YAML'
server: gpu-server.vcuda.svc
ports: {register: 10999}
image: registry.example/vcuda-client:1
clusterVersion: "1.28"
YAML
expect 0 "a policy" -f many.yaml --policy policy.yaml
says "Job train: injected: into train, no sidecar, server gpu-server.vcuda.svc"
grep -qF 'value: "gpu-server.vcuda.svc:10999"' out || grep -qF 'value: gpu-server.vcuda.svc:10999' out || fail "VCUDA_SERVER is not the policy's"
printf 'server: s\nsidecar:\n  mod: native\n' >bad.yaml
expect 1 "an unknown policy key" -f many.yaml --policy bad.yaml
says "bad.yaml:3: /sidecar/mod: unknown key"
one_line; silent
printf '{"ports": {"register": 70000}}' >bad.json
expect 1 "a port out of range" -f many.yaml --policy bad.json
says "bad.json:1: /ports/register: expected a port number"

# -- refusals
expect 1 "a server that is none" -f deployment.yaml --server http://gpu
says "vcuda-inject: --server: expected HOST or HOST:REGISTER_PORT, found 'http://gpu'"
expect 5 "no server anywhere" -f deployment.yaml
says "denied: no GPU server is named"
silent
sed 's/name: app/name: one/; s/^          command:/          args: [a]\n        - name: two\n          command:/; s/nvidia.com/example.com/' deployment.yaml >two.yaml
expect 5 "two containers, none known" -f two.yaml --server s
says "one, two"
silent
expect 3 "nothing asked for" -f folder/../kind.yaml --server s --require
says "nothing to inject"
expect 0 "nothing asked for, not required" -f kind.yaml --server s

# -- bad input: one clear line with its place, exit 1, nothing on stdout
bad() { # WHAT FILE SAYS
  expect 1 "$1" -f "$2" --server s
  says "$3"; one_line; silent
}
printf 'a: 1\nb: [1, 2\n' >broken.yaml;               bad "broken YAML" broken.yaml "broken.yaml:3:"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n\nhello: world\n' >other.yaml
bad "YAML that is not Kubernetes" other.yaml "other.yaml:6: not a Kubernetes object"
printf -- '- a\n- b\n' >list.yaml;                    bad "a YAML list" list.yaml "not a Kubernetes object"
printf 'just text\n' >text.yaml;                      bad "text" text.yaml "not a Kubernetes object"
printf 'apiVersion: v1\nkind: Pod\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n' >helm.yaml
bad "a Helm template" helm.yaml "helm.yaml:3: a template ({{ }})"
printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n' >helm2.yaml
bad "a Helm template that is YAML" helm2.yaml "helm2.yaml:4: a template ({{ }})"
printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: "{{ .Release.Name }}"\nspec: {}\n' >helm3.yaml
bad "a Helm template in quotes" helm3.yaml "helm3.yaml:4: a template ({{ }})"
printf 'apiVersion: v1\nkind: Pod\nspec:\nspec:\n  a: 1\n' >twice.yaml
bad "the seed's doubled spec:" twice.yaml "twice.yaml:4: the key 'spec' is there twice"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: "\xff"}\n' >latin.yaml; bad "not UTF-8" latin.yaml "latin.yaml:3: not UTF-8"
bad "no such file" missing.yaml "missing.yaml: cannot be opened: No such file"
mkdir empty;                                          bad "an empty folder" empty "empty: holds no"
{ printf 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n'; for i in 1 2 3 4 5 6 7 8 9; do p=$((i-1)); printf 'a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n' $i $i $p $p $p $p $p $p $p $p $p; done; } >laughs.yaml
bad "a billion laughs" laughs.yaml "too many values"
cat >alias.yaml <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: a
  annotations: {tensor-fusion.ai/enabled: "true", tensor-fusion.ai/inject-container: "a,b"}
spec:
  containers:
  - name: a
    env: &shared
    - {name: X, value: "1"}
  - name: b
    env: *shared
YAML
bad "an edit inside an alias" alias.yaml "alias.yaml:1: Pod a cannot be edited in place: "
expect 0 "the same as json" -f alias.yaml --server s -o json

# -- usage
expect 2 "no file"
expect 2 "an unknown option" -f many.yaml --sever s
expect 2 "an unknown output" -f many.yaml -o toml
expect 0 "help" --help
grep -q "Exit status" out || fail "--help does not explain the exit status"
expect 0 "version" --version
grep -qE '^vcuda-inject [0-9]+\.[0-9]+\.[0-9]+$' out || fail "--version"

# -- a status somebody edited is an error, not a guess
sed 's/"version":1/"version":2/' injected.yaml >edited.yaml
expect 1 "undo of an edited status" undo -f edited.yaml
says "version is not 1"; silent

[ $failures -eq 0 ] && echo "all as expected"
exit $((failures > 0))
