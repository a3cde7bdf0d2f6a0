{{/* Names. Every object is FULLNAME or FULLNAME-PART; selector labels never change between versions. */}}
{{- define "vcuda.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "vcuda.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains (include "vcuda.name" .) .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "vcuda.name" .) | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "vcuda.webhook.name" -}}{{ include "vcuda.fullname" . }}-webhook{{- end -}}
{{/* An IPv6 address before a port stands in brackets. */}}
{{- define "vcuda.webhook.host" -}}
{{- if contains ":" .Values.webhook.listenAddress -}}[{{ .Values.webhook.listenAddress }}]{{- else -}}{{ .Values.webhook.listenAddress }}{{- end -}}
{{- end -}}
{{- define "vcuda.server.name" -}}{{ include "vcuda.fullname" . }}-server{{- end -}}
{{- define "vcuda.policy.name" -}}{{ include "vcuda.fullname" . }}-policy{{- end -}}
{{- define "vcuda.certificate.secret" -}}
{{- default (printf "%s-tls" (include "vcuda.webhook.name" .)) .Values.certificates.existingSecret.name -}}
{{- end -}}

{{/* (dict "root" $ "component" "webhook") */}}
{{- define "vcuda.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vcuda.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "vcuda.labels" -}}
{{ include "vcuda.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: vcuda
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* (dict "root" $ "image" .Values.images.webhook): the reference, by digest where there is one. */}}
{{- define "vcuda.image" -}}
{{- $repository := .image.repository -}}
{{- if .root.Values.images.registry -}}{{- $repository = printf "%s/%s" (trimSuffix "/" .root.Values.images.registry) $repository -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "vcuda.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "vcuda.excludedNamespaces" -}}
{{- concat (list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq | toJson -}}
{{- end -}}

{{/* "true" where the API server knows matchConditions (on by default from 1.28). */}}
{{- define "vcuda.hasMatchConditions" -}}
{{- if semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end -}}

{{/* Fail only where the API server asks for opted-in pods alone: else an outage would stop every pod of the cluster. */}}
{{- define "vcuda.failurePolicy" -}}
{{- if or (include "vcuda.hasMatchConditions" .) (eq .Values.policy.trigger "label") -}}
{{- .Values.webhook.failurePolicy -}}
{{- else -}}
Ignore
{{- end -}}
{{- end -}}

{{/* The CEL expression for an opted-in pod. No optional types, so that 1.28 parses it. */}}
{{- define "vcuda.optedIn" -}}
{{- $key := "tensor-fusion.ai/enabled" -}}
{{- $conditions := list -}}
{{- range ternary (list "annotations" "labels") (ternary (list "annotations") (list "labels") (eq .Values.policy.trigger "annotation")) (eq .Values.policy.trigger "both") -}}
{{- $conditions = append $conditions (printf "(has(object.metadata.%[1]s) && '%[2]s' in object.metadata.%[1]s && object.metadata.%[1]s['%[2]s'] == 'true')" . $key) -}}
{{- end -}}
{{- join " || " $conditions -}}
{{- end -}}

{{- define "vcuda.clusterVersion" -}}
{{- if .Values.policy.clusterVersion -}}
{{- .Values.policy.clusterVersion -}}
{{- else -}}
{{- $version := semver .Capabilities.KubeVersion.Version -}}
{{- printf "%d.%d" (int $version.Major) (int $version.Minor) -}}
{{- end -}}
{{- end -}}

{{- define "vcuda.serverAddress" -}}
{{- if .Values.policy.server -}}
{{- .Values.policy.server -}}
{{- else if .Values.server.enabled -}}
{{- printf "%s.%s.svc" (include "vcuda.server.name" .) .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{/* Stops the rendering with a reason where the values ask for what this version cannot do. */}}
{{- define "vcuda.validate" -}}
{{- if ne .Values.certificates.mode "existingSecret" -}}
{{- fail (printf "certificates.mode %q is unknown: this version knows existingSecret only (make the Secret with vcuda-certs issue; modes that renew by themselves come later)" .Values.certificates.mode) -}}
{{- end -}}
{{- if eq (int .Values.webhook.port) (int .Values.webhook.statusPort) -}}
{{- fail "webhook.port and webhook.statusPort must differ" -}}
{{- end -}}
{{- end -}}
