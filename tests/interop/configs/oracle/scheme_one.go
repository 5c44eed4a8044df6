//go:build ignore

package main

import (
	"k8s.io/apimachinery/pkg/runtime"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
)

// scheme has the type that Envoy Gateway's own decoder knows, since 1.7: internal/envoygateway/config/decoder.go.
func scheme() *runtime.Scheme {
	one := runtime.NewScheme()
	one.AddKnownTypes(egv1a1.GroupVersion, &egv1a1.EnvoyGateway{})
	return one
}
