{{- define "trainwarden.name" -}}
{{- if contains "trainwarden" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-trainwarden" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "trainwarden.selector" -}}
app.kubernetes.io/name: trainwarden
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "trainwarden.labels" -}}
{{ include "trainwarden.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
