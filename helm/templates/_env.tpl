{{/* The variables of a process, by name: the chart's, then `env`, then `extraEnv`, so that no name comes twice and the
     user's own wins. Secrets come first, so that other variables can refer to them. ctx: root, name, process */}}
{{- define "remedy.env" -}}
{{- $env := include "remedy.env.chart" . | fromYaml -}}
{{- range $name, $value := .process.env -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $env $name -}}
{{- else if kindIs "map" $value -}}{{- $_ := set $env $name $value -}}
{{- else -}}{{- $_ := set $env $name (dict "value" (include "remedy.text" $value)) -}}
{{- end -}}
{{- end -}}
{{- range .process.extraEnv -}}
{{- $_ := set $env .name (omit . "name") -}}
{{- end -}}
{{- $references := list -}}
{{- $texts := list -}}
{{- range $name, $item := $env -}}
{{- if hasKey $item "valueFrom" -}}
{{- $references = append $references (merge (dict "name" $name) (pick $item "valueFrom")) -}}
{{- else -}}
{{- $value := "" -}}
{{- if not (kindIs "invalid" $item.value) -}}{{- $value = include "remedy.text" $item.value -}}{{- end -}}
{{- $texts = append $texts (dict "name" $name "value" $value) -}}
{{- end -}}
{{- end -}}
{{- with concat $references $texts }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .process.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "remedy.env.chart" -}}
MAPPINGS_PATH: {value: {{ printf "/etc/remedy/%s" .root.Values.mappings.key | quote }}}
LOG_LEVEL: {value: {{ .root.Values.logLevel | quote }}}
COMPLETION_WAIT: {value: {{ .process.drainSeconds | int64 | quote }}}
{{- range $port, $said := .process.ports }}
{{- with $said.hostVariable }}
{{ . }}: {value: "0.0.0.0"}
{{- end }}
{{- with $said.portVariable }}
{{ . }}: {value: {{ $said.containerPort | int64 | quote }}}
{{- end }}
{{- end }}
{{- with .root.Values.outbound.proxy }}
OUTBOUND_PROXY: {value: {{ . | quote }}}
{{- end }}
{{- if or .root.Values.outbound.ca.configMap .root.Values.outbound.ca.secret }}
OUTBOUND_CA_FILE: {value: {{ printf "/etc/remedy-ca/%s" .root.Values.outbound.ca.key | quote }}}
{{- end }}
{{ include "remedy.env.telemetry" .root }}
{{ include "remedy.env.redis" .root }}
{{- if include "remedy.keysFile" . }}
DATA_KEYS_FILE: {value: "/etc/remedy-keys/data-keys"}
{{- end }}
{{- range $name, $said := .process.secretEnv }}
{{- if and (eq $name "DATA_KEYS") $.root.Values.dataKeys.asFile }}
{{- else if kindIs "map" $said }}
{{ $name }}: {valueFrom: {secretKeyRef: {name: {{ default (include "remedy.secretName" $.root) $said.name | quote }}, key: {{ $said.key | quote }}, optional: {{ default false $said.optional }}}}}
{{- else if not (kindIs "invalid" $said) }}
{{ $name }}: {valueFrom: {secretKeyRef: {name: {{ include "remedy.secretName" $.root | quote }}, key: {{ $said | quote }}}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Whether the process gets its data keys as a file; it gets none at all where its `secretEnv` does not name them. */}}
{{- define "remedy.keysFile" -}}
{{- if and .root.Values.dataKeys.asFile (not (kindIs "invalid" (get .process.secretEnv "DATA_KEYS"))) (hasKey .process.secretEnv "DATA_KEYS") -}}true{{- end -}}
{{- end -}}

{{/* Who is told of spans and of errors. What may be a secret comes from a Secret. */}}
{{- define "remedy.env.telemetry" -}}
{{- with .Values.tracing -}}
{{- if .endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {value: {{ .endpoint | quote }}}
OTEL_SERVICE_NAME: {value: {{ .serviceName | quote }}}
OTEL_TRACES_SAMPLER_ARG: {value: {{ .samplingRatio | toString | quote }}}
{{- if .headers.existingSecret }}
OTEL_EXPORTER_OTLP_HEADERS: {valueFrom: {secretKeyRef: {name: {{ .headers.existingSecret | quote }}, key: {{ .headers.key | quote }}}}}
{{- end }}
{{- $described := list -}}
{{- range $name, $value := .resourceAttributes -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $described = append $described (printf "%s=%s" $name (include "remedy.text" $value | urlquery | replace "+" "%20")) -}}
{{- end -}}
{{- end -}}
{{- with $described }}
OTEL_RESOURCE_ATTRIBUTES: {value: {{ join "," . | quote }}}
{{- end }}
{{- if or .ca.configMap .ca.secret }}
OTEL_EXPORTER_OTLP_CERTIFICATE: {value: {{ printf "/etc/remedy-tracing/%s" .ca.key | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.audit.syslog }}
AUDIT_SYSLOG: {value: {{ . | quote }}}
{{- end }}
{{- with .Values.sentry }}
{{- if .existingSecret }}
SENTRY_DSN: {valueFrom: {secretKeyRef: {name: {{ .existingSecret | quote }}, key: {{ .key | quote }}}}}
SENTRY_ENVIRONMENT: {value: {{ .environment | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* The port of the syslog server, for network policies. */}}
{{- define "remedy.auditPort" -}}
{{- $address := urlParse .Values.audit.syslog -}}
{protocol: {{ get $address "scheme" | upper }}, port: {{ get $address "host" | splitList ":" | last }}}
{{- end -}}

{{/* The port of the collector of traces, for network policies. */}}
{{- define "remedy.tracingPort" -}}
{{- $address := urlParse .Values.tracing.endpoint -}}
{{- $port := last (splitList ":" (get $address "host")) -}}
{{- if regexMatch "^[0-9]+$" $port -}}{{ $port }}{{- else -}}{{ ternary "443" "80" (eq (get $address "scheme") "https") }}{{- end -}}
{{- end -}}

{{/* Where Redis is. A password never stands in the address, unless a Secret of the user's holds the whole address. */}}
{{- define "remedy.env.redis" -}}
{{- $redis := .Values.redis -}}
{{- if $redis.allowWeakDurability }}
ALLOW_WEAK_DURABILITY: {value: "true"}
{{- end }}
{{- if .Values.valkey.enabled }}
REDIS_URL: {value: {{ printf "redis://%s-valkey:6379/0" (include "remedy.fullname" .) | quote }}}
{{- else if and $redis.existingSecret $redis.urlKey }}
REDIS_URL: {valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret | quote }}, key: {{ $redis.urlKey | quote }}}}}
{{- else if $redis.url }}
REDIS_URL: {value: {{ $redis.url | quote }}}
{{- else if $redis.sentinel.hosts }}
REDIS_URL: {value: {{ printf "%s+sentinel://%s/%s/%d" (ternary "rediss" "redis" $redis.tls.enabled) (join "," $redis.sentinel.hosts) $redis.sentinel.master (int64 $redis.database) | quote }}}
{{- with $redis.sentinel.username }}
REDIS_SENTINEL_USERNAME: {value: {{ . | quote }}}
{{- end }}
{{- with $redis.sentinel.passwordKey }}
REDIS_SENTINEL_PASSWORD: {valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret | quote }}, key: {{ . | quote }}}}}
{{- end }}
{{- else }}
{{- $host := required "say where Redis is: redis.host, redis.url, redis.sentinel or redis.existingSecret with urlKey, or valkey.enabled=true" $redis.host }}
REDIS_URL: {value: {{ printf "%s://%s:%d/%d" (ternary "rediss" "redis" $redis.tls.enabled) $host (int64 $redis.port) (int64 $redis.database) | quote }}}
{{- end }}
{{- if not .Values.valkey.enabled }}
{{- with $redis.username }}
REDIS_USERNAME: {value: {{ . | quote }}}
{{- end }}
{{- if and $redis.existingSecret (not $redis.urlKey) }}
REDIS_PASSWORD: {valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret | quote }}, key: {{ $redis.passwordKey | quote }}}}}
{{- end }}
{{- if and $redis.tls.enabled $redis.tls.caSecret.name }}
REDIS_CA_FILE: {value: {{ printf "/etc/remedy-redis/%s" $redis.tls.caSecret.key | quote }}}
{{- end }}
{{- with $redis.tls.clientSecret }}
{{- if and $redis.tls.enabled .name }}
REDIS_CERT_FILE: {value: {{ printf "/etc/remedy-redis-client/%s" .certKey | quote }}}
REDIS_KEY_FILE: {value: {{ printf "/etc/remedy-redis-client/%s" .keyKey | quote }}}
{{- end }}
{{- end }}
{{- if not $redis.tls.verifyName }}
REDIS_TLS_VERIFY_NAME: {value: "false"}
{{- end }}
{{- end }}
{{- end -}}

{{/* The ports at which Redis and its sentinels are reached, for network policies. */}}
{{- define "remedy.redisPorts" -}}
{{- $redis := .Values.redis -}}
{{- $sentinels := $redis.sentinel.hosts -}}
{{- $ports := list (int64 $redis.port | toString) -}}
{{- if and $redis.existingSecret $redis.urlKey -}}
{{- $sentinels = list (printf "sentinel:%d" (int64 $redis.sentinel.port)) -}}
{{- else if $redis.url -}}
{{- $hosts := splitList "," (first (splitList "/" (regexReplaceAll "^[a-z+]+://" $redis.url ""))) -}}
{{- $sentinels = list -}}
{{- if contains "+sentinel://" $redis.url -}}
{{- $sentinels = $hosts -}}
{{- else -}}
{{- $ports = list (regexFind "[0-9]+$" (regexFind ":[0-9]+$" (first $hosts)) | default "6379") -}}
{{- end -}}
{{- end -}}
{{- range $sentinels -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (regexFind ":[0-9]+$" .) | default "26379") -}}
{{- end -}}
{{- range uniq $ports }}
- {protocol: TCP, port: {{ . }}}
{{- end -}}
{{- end -}}
