{{/* The pod of every process. What differs between processes is in values. ctx: root, name, process */}}
{{- define "remedy.podTemplate" -}}
{{- $root := .root -}}
{{- $process := .process -}}
metadata:
  labels:
    {{- include "remedy.labels" (dict "root" $root "component" .name "labels" $process.podLabels) | trim | nindent 4 }}
  {{- with mergeOverwrite (include "remedy.checksums" $root | fromYaml) (deepCopy $root.Values.commonAnnotations) (deepCopy $process.podAnnotations) }}
  annotations:
    {{- include "remedy.texts" . | trim | nindent 4 }}
  {{- end }}
spec:
  {{- include "remedy.podSettings" . | trim | nindent 2 }}
  serviceAccountName: {{ include "remedy.serviceAccountName" . | quote }}
  terminationGracePeriodSeconds: {{ add $process.preStopSeconds $process.drainSeconds $process.marginSeconds }}
  {{- with include "remedy.spread" . | trim }}
  topologySpreadConstraints:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $process.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name | quote }}
      {{- include "remedy.container" . | trim | nindent 6 }}
      ports:
        {{- range $port, $said := $process.ports }}
        - name: {{ $port }}
          containerPort: {{ $said.containerPort | int64 }}
          protocol: TCP
        {{- end }}
      {{- range $kind, $probe := $process.probes }}
      {{- if $probe }}
      {{ $kind }}Probe:
        httpGet:
          path: {{ $probe.path }}
          port: {{ $process.probePort }}
        {{- range $key, $value := omit $probe "path" }}
        {{- if not (kindIs "invalid" $value) }}
        {{ $key }}: {{ int64 $value }}
        {{- end }}
        {{- end }}
      {{- end }}
      {{- end }}
      {{- if gt (int64 $process.preStopSeconds) 0 }}
      lifecycle:
        preStop: # endpoints are taken away while this sleeps: no request comes to a server that has stopped
          exec:
            command: [sleep, {{ $process.preStopSeconds | int64 | quote }}]
      {{- end }}
    {{- with $process.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* What every pod of the chart's own image has, jobs and tests included. ctx: root, process */}}
{{- define "remedy.podSettings" -}}
{{- $process := .process -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "remedy.pullSecrets" .root }}
securityContext:
  {{- toYaml $process.podSecurityContext | nindent 2 }}
{{- with include "remedy.texts" $process.nodeSelector | trim }}
nodeSelector:
  {{- . | nindent 2 }}
{{- end }}
{{- range $key := list "tolerations" "affinity" "hostAliases" "dnsConfig" }}
{{- with get $process $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with get $process $key }}
{{ $key }}: {{ . | quote }}
{{- end }}
{{- end }}
volumes:
  {{- include "remedy.volumes" . | trim | nindent 2 }}
{{- end -}}

{{/* What every container of the chart's own image has. ctx: root, name, process, args */}}
{{- define "remedy.container" -}}
image: {{ include "remedy.image" (dict "root" .root "image" .root.Values.image "tag" .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  {{- toYaml .process.args | nindent 2 }}
securityContext:
  {{- toYaml .process.securityContext | nindent 2 }}
{{- include "remedy.env" . }}
{{- with .process.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "remedy.mounts" . | trim | nindent 2 }}
{{- end -}}

{{- define "remedy.volumes" -}}
{{- $values := .root.Values -}}
- name: mappings
  configMap: {name: {{ default (include "remedy.mappingsName" .root) .mappingsName | quote }}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if include "remedy.keysFile" . }}
- name: data-keys
  secret:
    secretName: {{ default (include "remedy.secretName" .root) $values.dataKeys.existingSecret | quote }}
    defaultMode: 0440
    items: [{key: {{ $values.dataKeys.key | quote }}, path: data-keys}]
{{- end }}
{{- if and (not $values.valkey.enabled) $values.redis.tls.enabled $values.redis.tls.caSecret.name }}
- name: redis-ca
  secret: {secretName: {{ $values.redis.tls.caSecret.name | quote }}}
{{- end }}
{{- if and (not $values.valkey.enabled) $values.redis.tls.enabled $values.redis.tls.clientSecret.name }}
- name: redis-client
  secret: {secretName: {{ $values.redis.tls.clientSecret.name | quote }}}
{{- end }}
{{- if $values.outbound.ca.configMap }}
- name: outbound-ca
  configMap: {name: {{ $values.outbound.ca.configMap | quote }}}
{{- else if $values.outbound.ca.secret }}
- name: outbound-ca
  secret: {secretName: {{ $values.outbound.ca.secret | quote }}}
{{- end }}
{{- with $values.tracing }}
{{- if and .endpoint .ca.configMap }}
- name: tracing-ca
  configMap: {name: {{ .ca.configMap | quote }}}
{{- else if and .endpoint .ca.secret }}
- name: tracing-ca
  secret: {secretName: {{ .ca.secret | quote }}}
{{- end }}
{{- end }}
{{- with .process.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "remedy.mounts" -}}
{{- $values := .root.Values -}}
- {name: mappings, mountPath: /etc/remedy, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if include "remedy.keysFile" . }}
- {name: data-keys, mountPath: /etc/remedy-keys, readOnly: true}
{{- end }}
{{- if and (not $values.valkey.enabled) $values.redis.tls.enabled $values.redis.tls.caSecret.name }}
- {name: redis-ca, mountPath: /etc/remedy-redis, readOnly: true}
{{- end }}
{{- if and (not $values.valkey.enabled) $values.redis.tls.enabled $values.redis.tls.clientSecret.name }}
- {name: redis-client, mountPath: /etc/remedy-redis-client, readOnly: true}
{{- end }}
{{- if or $values.outbound.ca.configMap $values.outbound.ca.secret }}
- {name: outbound-ca, mountPath: /etc/remedy-ca, readOnly: true}
{{- end }}
{{- if and $values.tracing.endpoint (or $values.tracing.ca.configMap $values.tracing.ca.secret) }}
- {name: tracing-ca, mountPath: /etc/remedy-tracing, readOnly: true}
{{- end }}
{{- with .process.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "remedy.spread" -}}
{{- $process := .process -}}
{{- if $process.topologySpreadConstraints }}
{{ toYaml $process.topologySpreadConstraints }}
{{- else if $process.topologySpread.enabled }}
- topologyKey: {{ $process.topologySpread.topologyKey | quote }}
  maxSkew: {{ $process.topologySpread.maxSkew | int64 }}
  whenUnsatisfiable: {{ $process.topologySpread.whenUnsatisfiable }}
  labelSelector:
    matchLabels:
      {{- include "remedy.selectorLabels" (dict "root" .root "component" .name) | nindent 6 }}
{{- end }}
{{- end -}}
