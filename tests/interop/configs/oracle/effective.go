//go:build ignore

package main

import (
	"bytes"

	"sigs.k8s.io/yaml"
)

// effective is what Envoy Gateway gets to read: a ConfigMap's `envoy-gateway.yaml`, what the chart makes of Helm values, or the
// file as it is. Of Helm values it also says which keys the chart does not read, although they stand where it looks.
func effective(text []byte) (read []byte, unread []string) {
	if !bytes.Contains(text, []byte("onfig")) {
		return text, nil
	}
	var file struct {
		Kind   string            `json:"kind"`
		Data   map[string]string `json:"data"`
		Config map[string]any    `json:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return text, nil
	}
	switch {
	case file.Kind == "ConfigMap" && file.Data["envoy-gateway.yaml"] != "":
		return []byte(file.Data["envoy-gateway.yaml"]), nil
	case file.Kind == "" && file.Config != nil:
		configuration, _ := file.Config["envoyGateway"].(map[string]any)
		whole, err := yaml.Marshal(merge(chart(), configuration))
		if err != nil {
			return text, nil
		}
		for key := range file.Config {
			if key != "envoyGateway" {
				unread = append(unread, "config."+key)
			}
		}
		return whole, unread
	default:
		return text, nil
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
