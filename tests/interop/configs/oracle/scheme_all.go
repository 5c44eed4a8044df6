//go:build ignore

package main

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gwapischeme "sigs.k8s.io/gateway-api/pkg/client/clientset/versioned/scheme"
	mcsapiv1a1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
)

// scheme has the types that Envoy Gateway's own decoder knows, up to 1.6: internal/envoygateway/scheme.go.
func scheme() *runtime.Scheme {
	all := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, egv1a1.AddToScheme, gwapischeme.AddToScheme, mcsapiv1a1.AddToScheme,
		apiextensionsv1.AddToScheme,
	} {
		utilruntime.Must(add(all))
	}
	return all
}
