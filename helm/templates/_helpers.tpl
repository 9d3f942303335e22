{{/* Names. Components are appended to the full name, so it is kept short enough for the longest of them. */}}
{{- define "remedy.name" -}}
{{- default .Chart.Name .Values.nameOverride | toString | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "remedy.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | toString | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "remedy.name" . -}}
{{- $release := .Release.Name | toString -}}
{{- ternary $release (printf "%s-%s" $release $name) (contains $name $release) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change in the life of a release: selectors are made of them. ctx: root, component */}}
{{- define "remedy.selectorLabels" -}}
app.kubernetes.io/name: {{ include "remedy.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | toString | quote }}
app.kubernetes.io/component: {{ .component | quote }}
{{- end -}}

{{/* Labels of an object. ctx: root, component, labels (the object's own, which win over the common ones) */}}
{{- define "remedy.labels" -}}
{{- $fixed := include "remedy.selectorLabels" . | fromYaml -}}
{{- $_ := set $fixed "app.kubernetes.io/version" (.root.Chart.AppVersion | toString) -}}
{{- $_ := set $fixed "app.kubernetes.io/managed-by" (.root.Release.Service | toString) -}}
{{- $_ := set $fixed "app.kubernetes.io/part-of" "remedy" -}}
{{- $_ := set $fixed "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- include "remedy.texts" (mergeOverwrite (dict) .root.Values.commonLabels (default dict .labels) $fixed) -}}
{{- end -}}

{{/* A map whose values must be text, as labels and annotations are; a null leaves its key out. */}}
{{- define "remedy.texts" -}}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key | quote }}: {{ include "remedy.text" $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A value as text: numbers lose no digit and gain no point. */}}
{{- define "remedy.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) -}}{{ int64 . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end -}}

{{/* metadata: ctx: root, name, component, labels, annotations */}}
{{- define "remedy.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "remedy.labels" . | trim | nindent 2 }}
{{- with include "remedy.texts" (mergeOverwrite (dict) .root.Values.commonAnnotations (default dict .annotations)) | trim }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* An image's address: a digest wins over a tag. ctx: root, image, tag (the default one) */}}
{{- define "remedy.image" -}}
{{- $registry := default .image.registry .root.Values.global.imageRegistry -}}
{{- $repository := ternary (printf "%s/%s" $registry .image.repository) .image.repository (not (empty $registry)) -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (include "remedy.text" (default .tag .image.tag)) -}}
{{- end -}}
{{- end -}}

{{- define "remedy.pullSecrets" -}}
{{- $secrets := list -}}
{{- range concat .Values.global.imagePullSecrets .Values.image.pullSecrets -}}
{{- $secrets = append $secrets (ternary . (dict "name" .) (kindIs "map" .)) -}}
{{- end -}}
{{- with $secrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The processes that run, by name, each completed by the defaults. */}}
{{- define "remedy.processes" -}}
{{- $processes := dict -}}
{{- range $name, $own := .Values.processes -}}
{{- if $own -}}
{{- $process := mergeOverwrite (deepCopy $.Values.processDefaults) (deepCopy $own) -}}
{{- if $process.enabled -}}
{{- $_ := set $processes $name $process -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $processes -}}
{{- end -}}

{{- define "remedy.serviceAccountName" -}}
{{- $own := .process.serviceAccount -}}
{{- if $own.name -}}{{ $own.name }}
{{- else if $own.create -}}{{ printf "%s-%s" (include "remedy.fullname" .root) .name }}
{{- else -}}default
{{- end -}}
{{- end -}}

{{/* Whether something outside the chart, or an autoscaler of it, says how many replicas there are. */}}
{{- define "remedy.isScaled" -}}
{{- if or .autoscaling.hpa.enabled .autoscaling.keda.enabled (kindIs "invalid" .replicas) -}}true{{- end -}}
{{- end -}}

{{- define "remedy.secretName" -}}
{{- default (include "remedy.fullname" .) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "remedy.mappingsName" -}}
{{- default (printf "%s-mappings" (include "remedy.fullname" .)) .Values.mappings.existingConfigMap -}}
{{- end -}}

{{/* What restarts a process: a number that changes with what the process has read at its start. */}}
{{- define "remedy.checksums" -}}
{{- if and .Values.mappings.restartOnChange (not .Values.mappings.existingConfigMap) }}
checksum/config: {{ .Values.mappings.content | toString | sha256sum }}
{{- end }}
{{- if .Values.secrets.values }}
checksum/secret: {{ .Values.secrets.values | toYaml | sha256sum }}
{{- end }}
{{- end -}}
