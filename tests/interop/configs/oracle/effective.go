//go:build ignore

package main

import (
	"bytes"

	"sigs.k8s.io/yaml"
)

// What Envoy Gateway gets to read: a ConfigMap's `envoy-gateway.yaml`, what the chart makes of Helm values, or the file as it is.
func effective(text []byte) []byte {
	if !bytes.Contains(text, []byte("onfig")) {
		return text
	}
	var file struct {
		Kind   string            `json:"kind"`
		Data   map[string]string `json:"data"`
		Config *struct {
			EnvoyGateway map[string]any `json:"envoyGateway"`
		} `json:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return text
	}
	switch {
	case file.Kind == "ConfigMap" && file.Data["envoy-gateway.yaml"] != "":
		return []byte(file.Data["envoy-gateway.yaml"])
	case file.Kind == "" && file.Config != nil:
		whole, err := yaml.Marshal(merge(chart(), file.Config.EnvoyGateway))
		if err != nil {
			return text
		}
		return whole
	default:
		return text
	}
}

// chart is what the chart gateway-helm writes without any values, as far as it makes a difference here.
func chart() map[string]any {
	return map[string]any{
		"apiVersion":    "gateway.envoyproxy.io/v1alpha1",
		"kind":          "EnvoyGateway",
		"gateway":       map[string]any{"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
		"provider":      map[string]any{"type": "Kubernetes"},
		"logging":       map[string]any{"level": map[string]any{"default": "info"}},
		"extensionApis": map[string]any{},
	}
}

// merge is how Helm puts values over others: maps into each other, null deletes, all else replaces.
func merge(below, above map[string]any) map[string]any {
	for key, value := range above {
		lower, isMap := below[key].(map[string]any)
		upper, isMapToo := value.(map[string]any)
		switch {
		case value == nil:
			delete(below, key)
		case isMap && isMapToo:
			below[key] = merge(lower, upper)
		default:
			below[key] = value
		}
	}
	return below
}
