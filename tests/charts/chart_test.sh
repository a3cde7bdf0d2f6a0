#!/usr/bin/env bash
# The chart: lints, renders for every Kubernetes it names and for many values, what it renders says what it must, its policy
# is one the webhook starts with, and wrong values are refused. Skips (77) only where helm cannot be had.
set -euo pipefail
source_dir=${VCUDA_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
chart="$source_dir/charts/vcuda"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! tools=$("$source_dir/.ci/setup-helm" 2>"$work/setup"); then
  echo "SKIPPED: helm cannot be had: $(tail -1 "$work/setup")"
  exit 77
fi
helm="$tools/helm" kubectl="$tools/kubectl"
export HELM_CACHE_HOME="$work/cache" HELM_CONFIG_HOME="$work/config" HELM_DATA_HOME="$work/data"
fail() { echo "FAILED: $*" >&2; exit 1; }

render() { # render KUBE_VERSION arguments...: the objects as JSON documents in $work/all.json, one array
  local version=$1
  shift
  "$helm" template rel "$chart" --namespace gpu --kube-version "$version" "$@" >"$work/all.yaml" 2>"$work/err" ||
    fail "helm template --kube-version $version $*: $(cat "$work/err")"
  # kubectl only translates here: no cluster is asked.
  "$kubectl" patch --local --type=json -p '[]' -o json -f "$work/all.yaml" 2>"$work/err" | jq -s . >"$work/all.json" ||
    fail "kubectl cannot read what was rendered: $(cat "$work/err")"
}
object() { jq -e --arg kind "$1" --arg name "$2" '.[] | select(.kind == $kind and .metadata.name == $name)' "$work/all.json"; }
holds() { # holds KIND NAME JQ_EXPRESSION: it is true of the object
  object "$1" "$2" >"$work/object.json" || fail "no $1 $2 was rendered"
  jq -e "$3" "$work/object.json" >/dev/null || fail "of $1 $2 does not hold: $3 $(jq -c '.spec // .webhooks // .data' "$work/object.json" | head -c 1500)"
}
lacks() { if object "$1" "$2" >/dev/null; then fail "$1 $2 was rendered"; fi; }
webhook_holds() { holds MutatingWebhookConfiguration rel-vcuda-webhook-gpu ".webhooks | length == 1 and all(.[]; $1)"; }
refuses() { # refuses TEXT arguments...: rendering fails and says TEXT
  local text=$1
  shift
  if "$helm" template rel "$chart" --namespace gpu "$@" >/dev/null 2>"$work/err"; then fail "accepted: $*"; fi
  grep -qF -- "$text" "$work/err" || fail "expected \"$text\" for $*, got: $(cat "$work/err")"
}

echo "== lint"
"$helm" lint --strict "$chart" >"$work/lint" 2>&1 || fail "helm lint: $(cat "$work/lint")"
for version in 1.25.0 1.28.0 1.35.0; do
  "$helm" lint --strict "$chart" --kube-version "$version" >"$work/lint" 2>&1 || fail "helm lint $version: $(cat "$work/lint")"
done

echo "== defaults, for every version"
for version in 1.25.16 1.26.0 1.27.0 1.28.0 1.28.3-gke.100 1.29.0 1.30.0 1.32.2+k3s1 1.33.0 1.34.0 1.35.0 1.36.0; do
  render "$version"
  minor=${version#1.} minor=${minor%%.*}
  [ "$(jq length "$work/all.json")" = 8 ] || fail "expected 8 objects, got $(jq -c 'map(.kind)' "$work/all.json")"
  jq -e 'all(.[]; .metadata.labels["app.kubernetes.io/name"] == "vcuda" and .metadata.labels["helm.sh/chart"] != null)' "$work/all.json" >/dev/null || fail "labels"
  jq -e 'all(.[] | select(.kind != "MutatingWebhookConfiguration"); .metadata.namespace == "gpu")' "$work/all.json" >/dev/null || fail "namespaces"
  webhook_holds '.sideEffects == "None" and .matchPolicy == "Equivalent" and .reinvocationPolicy == "IfNeeded" and .timeoutSeconds == 5'
  webhook_holds '.admissionReviewVersions == ["v1", "v1beta1"] and (.name | split(".") | length >= 3)'
  webhook_holds '.rules == [{apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"], scope: "Namespaced"}]'
  webhook_holds '.clientConfig.service == {name: "rel-vcuda-webhook", namespace: "gpu", path: "/mutate", port: 443}'
  webhook_holds '.namespaceSelector.matchExpressions == [{key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kube-system", "kube-public", "kube-node-lease", "gpu"]}]'
  if [ "$minor" -ge 28 ]; then
    webhook_holds '.failurePolicy == "Fail"'
    webhook_holds '.matchConditions | map(.name) == ["opted-in", "not-excluded-namespace"]'
    webhook_holds '.matchConditions[1].expression | contains("'"'gpu'"'")'
  else
    webhook_holds '.failurePolicy == "Ignore" and (has("matchConditions") | not)'
  fi
  holds ConfigMap rel-vcuda-policy '.data["policy.yaml"] | contains("clusterVersion: \"1.'"$minor"'\"")'
done

echo "== what the objects say"
render 1.30.0
# shellcheck disable=SC2016 # jq's variables
restricted='.securityContext as $pod | .containers | all(.[]; .securityContext.allowPrivilegeEscalation == false
  and .securityContext.readOnlyRootFilesystem == true and .securityContext.capabilities.drop == ["ALL"]
  and $pod.runAsNonRoot == true and $pod.seccompProfile.type == "RuntimeDefault")'
for owner in "Deployment rel-vcuda-webhook" "DaemonSet rel-vcuda-server"; do
  # shellcheck disable=SC2086
  holds $owner ".spec.template.spec | .automountServiceAccountToken == false and (.hostNetwork // false) == false and ($restricted)"
  # shellcheck disable=SC2086,SC2016
  holds $owner '.spec.selector.matchLabels as $s | .spec.template.metadata.labels | contains($s)'
done
holds ServiceAccount rel-vcuda-webhook '.automountServiceAccountToken == false'
jq -e 'all(.[]; .kind | test("Role") | not)' "$work/all.json" >/dev/null || fail "the serving path has RBAC"
holds Deployment rel-vcuda-webhook '.spec.replicas == 2 and .spec.template.metadata.annotations["checksum/policy"] != null'
holds Deployment rel-vcuda-webhook '.spec.template.spec.volumes[] | select(.name == "tls") | .secret.secretName == "rel-vcuda-webhook-tls"'
holds Deployment rel-vcuda-webhook '.spec.template.spec | .terminationGracePeriodSeconds > 15'
holds PodDisruptionBudget rel-vcuda-webhook '.spec.minAvailable == 1'
holds Service rel-vcuda-webhook '.spec.ports[0] | .port == 443 and .targetPort == "https"'
holds Service rel-vcuda-server '.spec.clusterIP == "None" and ([.spec.ports[].port] | sort == [9997, 9998, 9999])'
holds DaemonSet rel-vcuda-server '.spec.template.spec.containers[0].command == ["vcuda", "-n", "native", "-s", "9997", "-r", "9998", "-p", "9999"]'
holds ConfigMap rel-vcuda-policy '.data["policy.yaml"] | contains("server: rel-vcuda-server.gpu.svc\n")'
expression="(has(object.metadata.annotations) && 'tensor-fusion.ai/enabled' in object.metadata.annotations && object.metadata.annotations['tensor-fusion.ai/enabled'] == 'true')"
webhook_holds '.matchConditions[0].expression | contains("'"$expression"'")'
webhook_holds '.clientConfig | has("caBundle") | not'

echo "== values"
render 1.30.0 --set webhook.replicas=1 --set certificates.caBundle=QUJD --set certificates.existingSecret.name=mine \
  --set policy.trigger=annotation --set webhook.failurePolicy=Ignore --set webhook.excludedNamespaces='{team-a,gpu}' \
  --set images.registry=reg.example/x/ --set images.pullSecrets='{pull}' --set server.service.type=clusterIP \
  --set images.client.digest="sha256:$(printf '%064d' 0)" --set webhook.hostNetwork=true --set policy.sidecar.mode=classic
lacks PodDisruptionBudget rel-vcuda-webhook
webhook_holds '.clientConfig.caBundle == "QUJD" and .failurePolicy == "Ignore"'
webhook_holds '.matchConditions[0].expression == "'"$expression"'"'
webhook_holds '.namespaceSelector.matchExpressions[0].values == ["kube-system", "kube-public", "kube-node-lease", "gpu", "team-a"]'
holds Deployment rel-vcuda-webhook '.spec.template.spec | .hostNetwork and .containers[0].image == "reg.example/x/vcuda-webhook:0.1.0"'
holds Deployment rel-vcuda-webhook '.spec.template.spec | .imagePullSecrets == [{name: "pull"}] and .volumes[0].secret.secretName == "mine"'
holds Service rel-vcuda-server '.spec.sessionAffinity == "ClientIP" and (.spec | has("clusterIP") | not)'
holds ConfigMap rel-vcuda-policy '.data["policy.yaml"] | contains("image: reg.example/x/vcuda-client@sha256:0000") and contains("mode: classic")'
render 1.25.0 --set policy.trigger=label
webhook_holds '.failurePolicy == "Fail" and .objectSelector.matchLabels == {"tensor-fusion.ai/enabled": "true"}'
render 1.30.0 --set server.enabled=false --set policy.server=gpu.example --set fullnameOverride=short
lacks DaemonSet short-server
lacks Service short-server
holds ConfigMap short-policy '.data["policy.yaml"] | contains("server: gpu.example\n")'
render 1.30.0 --set webhook.listenAddress=:: --set server.bind=::
holds Deployment rel-vcuda-webhook '.spec.template.spec.containers[0].args[:2] == ["--listen=[::]:8443", "--status-listen=[::]:8080"]'
holds DaemonSet rel-vcuda-server '.spec.template.spec.containers[0].command[-1] == "--bind=::"'
lacks NetworkPolicy rel-vcuda-server
render 1.30.0 --set server.networkPolicy.enabled=true
holds NetworkPolicy rel-vcuda-server '.spec.ingress[0].from == [{namespaceSelector: {}}]'
render 1.30.0 --set server.networkPolicy.enabled=true --set 'server.networkPolicy.allowedNamespaces={team-a,team-b}'
holds NetworkPolicy rel-vcuda-server '.spec.policyTypes == ["Ingress"] and (.spec.ingress | length == 1)'
holds NetworkPolicy rel-vcuda-server '.spec.ingress[0].from == [{namespaceSelector: {matchExpressions: [{key: "kubernetes.io/metadata.name", operator: "In", values: ["team-a", "team-b"]}]}}]'
holds NetworkPolicy rel-vcuda-server '.spec.ingress[0].ports | map(.port) == ["register", "request", "reply"]'
labels=$(object DaemonSet rel-vcuda-server | jq -c .spec.selector.matchLabels)
holds NetworkPolicy rel-vcuda-server ".spec.podSelector.matchLabels == $labels"
long=$(printf 'n%.0s' $(seq 53)) space=$(printf 's%.0s' $(seq 63))
# Two namespaces that differ at their end alone are two configurations.
"$helm" template "$long" "$chart" --namespace "$space" --show-only templates/webhook/mutating_webhook.yaml >"$work/long.yaml"
grep -qE "^  name: n+-webhook-$space\$" "$work/long.yaml" || fail "the configuration's name lacks its namespace: $(grep -m1 ' name:' "$work/long.yaml")"
"$helm" template "$long" "$chart" --namespace gpu >"$work/long.yaml"
awk '$1 == "name:" && length($2) > 63 {bad = 1; print} END {exit bad}' "$work/long.yaml" || fail "a name of more than 63 characters"

echo "== the programs start as they are rendered"
for program in vcuda-webhook vcuda-certs vcuda; do
  [ -x "${VCUDA_BUILD:-}/bin/$program" ] || fail "VCUDA_BUILD/bin/$program is missing: build it first"
done
starts() { # starts WHAT FILE COMMAND...: the program writes its ports to FILE and ends by itself on SIGTERM
  local what=$1 ports=$2 pid
  shift 2
  rm -f "$ports"
  "$@" >/dev/null 2>"$work/err" &
  pid=$!
  for _ in $(seq 400); do
    if [ -s "$ports" ] || ! kill -0 $pid 2>/dev/null; then break; fi
    sleep 0.05
  done
  kill -TERM $pid 2>/dev/null || true
  wait $pid || fail "$what does not start: $(cat "$work/err")"
  [ -s "$ports" ] || fail "$what ended before it listened: $(cat "$work/err")"
}
"$VCUDA_BUILD/bin/vcuda-certs" issue --out "$work/tls" >/dev/null 2>&1
for set in policy.trigger=both policy.trigger=label,policy.sidecar.mode=none,policy.clusterVersion=1.27 server.enabled=false,'images.pullSecrets={a}' \
  webhook.listenAddress=127.0.0.1,webhook.logLevel=error,webhook.threads=3,webhook.drainDelaySeconds=0,'webhook.extraArgs={--max-connections=9}'; do
  render 1.30.0 --set "$set"
  object ConfigMap rel-vcuda-policy | jq -r '.data["policy.yaml"]' >"$work/policy.yaml"
  # Its own arguments, with this test's files, and addresses that nobody else has.
  object Deployment rel-vcuda-webhook |
    jq -r --arg work "$work" '.spec.template.spec.containers[0] | (.command[1:] + .args)[]
      | sub("^--(?<l>(status-)?listen)=.*:[0-9]+$"; "--\(.l)=127.0.0.1:0") | sub("=/etc/vcuda/tls/"; "=\($work)/tls/")
      | sub("=/etc/vcuda/policy/"; "=\($work)/") | sub("^--drain-delay=.*"; "--drain-delay=0")' >"$work/arguments"
  mapfile -t arguments <"$work/arguments"
  if grep -q /etc/vcuda "$work/arguments"; then fail "a file this test does not know: $(cat "$work/arguments")"; fi
  starts "the webhook with $set" "$work/ports" "$VCUDA_BUILD/bin/vcuda-webhook" "${arguments[@]}" --port-file "$work/ports"
done
for set in server.bind=127.0.0.1 server.bind=127.0.0.1,'server.extraArgs={--log-level=error,--max-sessions=2}'; do
  render 1.30.0 --set "$set"
  object DaemonSet rel-vcuda-server |
    jq -r '.spec.template.spec.containers[0] | (.command + (.args // []))[] | sub("^999[789]$"; "0")' >"$work/arguments"
  mapfile -t arguments <"$work/arguments"
  if [ "${arguments[0]}" != vcuda ] || [ "$(grep -c '^0$' "$work/arguments")" != 3 ]; then fail "not vcuda with three ports: ${arguments[*]}"; fi
  starts "the server with $set" "$work/ports" "$VCUDA_BUILD/bin/vcuda" "${arguments[@]:1}" --driver="$VCUDA_BUILD/lib/libsoftgpu.so" \
    --port-file "$work/ports"
done

echo "== what is refused"
refuses "certificates/mode" --set certificates.mode=self
refuses 'certificates.mode "self" is unknown' --set certificates.mode=self --skip-schema-validation
refuses 'certificates.mode "certManager" is unknown' --set certificates.mode=certManager --skip-schema-validation
refuses "must differ" --set webhook.statusPort=8443
for wrong in unknown=1 webhook.unknown=1 images.webhook.unknown=1 webhook.replicas=0 webhook.replicas=two webhook.failurePolicy=fail \
  webhook.timeoutSeconds=31 webhook.port=70000 webhook.hostNetwork=maybe webhook.logLevel=loud policy.trigger=none \
  policy.sidecar.mode=sometimes policy.clusterVersion=latest policy.resources.copier.cpu=much policy.server=http://x \
  certificates.caBundle="not base64" images.client.digest=sha256:12 images.pullPolicy=Sometimes server.service.type=NodePort \
  server.ports.reply=0 server.bind=host webhook.listenAddress= server.networkPolicy.enabled=maybe server.networkPolicy.allowedNamespaces='{Upper}' webhook.excludedNamespaces='{Upper}' server.enabled=yes; do
  refuses "values don't meet the specifications" --set "$wrong"
done
refuses "chart requires kubeVersion" --kube-version 1.24.0

echo "== notes"
notes() { # notes TEXT|'' arguments...: NOTES.txt holds TEXT; with -TEXT it does not
  local text=$1
  shift
  "$helm" install rel "$chart" --namespace "${namespace:-gpu}" --dry-run=client "$@" >"$work/notes" 2>&1 || fail "notes: $(cat "$work/notes")"
  grep -q '^NOTES:' "$work/notes" || fail "no NOTES were printed"
  if grep -qF -- "${text#-}" "$work/notes"; then [ "${text#-}" = "$text" ] || fail "NOTES say: ${text#-}"
  else [ "${text#-}" != "$text" ] || fail "NOTES do not say: $text"; fi
}
notes "caBundle is empty"
notes "pods are REFUSED"
notes "pods are NOT INJECTED" --set webhook.failurePolicy=Ignore
notes "-caBundle is empty" --set certificates.caBundle=QUJD
notes "No GPU server" --set server.enabled=false
notes "GPU server: rel-vcuda-server.gpu.svc"
notes "kubectl -n gpu rollout restart deployment/rel-vcuda-webhook"
notes "can run code on its GPUs"
notes "-can run code on its GPUs" --set server.networkPolicy.enabled=true
notes "-can run code on its GPUs" --set server.enabled=false
notes '-this one is "default"'
namespace=default notes 'this one is "default"'
echo ok
