package kubernetes

import (
	"slices"
	"strings"
	"testing"

	trust "github.com/cert-manager/trust-manager/pkg/apis/trust/v1alpha1"
	core "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
)

// The Bundle for the time in which several CAs are trusted: trust-manager takes it, it reads the CA certificates where
// cert-manager puts them, and it writes them where Envoy Gateway's `certificateRef` and the mounts of the pods expect them.
func TestTrustManagerTakesEveryBundle(t *testing.T) {
	validator := schemas(t, "github.com/cert-manager/trust-manager", trust.SchemeGroupVersion.Version)[trust.BundleKind]
	bundles := 0
	for _, form := range forms {
		if !strings.Contains(form, "--trust-secret") {
			continue
		}
		bundles++
		t.Run(form, func(t *testing.T) {
			texts := documents(t, form, "trust")
			if len(texts) != 1 {
				t.Fatalf("%d documents", len(texts))
			}
			var object map[string]any
			strictly(t, texts[0], &object)
			if errors := validation.ValidateCustomResource(nil, object, validator); len(errors) > 0 {
				t.Fatalf("%v\n%s", errors.ToAggregate(), texts[0])
			}
			var bundle trust.Bundle
			strictly(t, texts[0], &bundle)
			if bundle.APIVersion != trust.SchemeGroupVersion.String() || bundle.Namespace != "" {
				t.Errorf("apiVersion %s, namespace %q", bundle.APIVersion, bundle.Namespace)
			}
			sources(t, form, bundle)
			target(t, form, bundle)
		})
	}
	if bundles == 0 {
		t.Error("no form has a Bundle")
	}
}

// sources: the CA of this set, and those named by flags.
func sources(t *testing.T, form string, bundle trust.Bundle) {
	t.Helper()
	expected := []string{flag(form, "--ca-secret", "egext-ca")}
	if others := flag(form, "--also-trust", ""); others != "" {
		expected = append(expected, strings.Split(others, ",")...)
	}
	var names []string
	for i, source := range bundle.Spec.Sources {
		if source.Secret == nil || source.Secret.Key != core.TLSCertKey {
			t.Fatalf("source %d: %v", i, source)
		}
		names = append(names, source.Secret.Name)
	}
	if !slices.Equal(names, expected) {
		t.Errorf("sources %q, expected %q", names, expected)
	}
}

// target: the Secret that Envoy Gateway reads, in the namespace of the pods.
func target(t *testing.T, form string, bundle trust.Bundle) {
	t.Helper()
	if secret := bundle.Spec.Target.Secret; secret == nil || secret.Key != core.TLSCertKey {
		t.Errorf("target %v", secret)
	}
	namespace := flag(form, "--namespace", "envoy-gateway-system")
	// Namespaces have this label from Kubernetes itself.
	if labels := bundle.Spec.Target.NamespaceSelector.MatchLabels; labels[core.LabelMetadataName] != namespace {
		t.Errorf("target in %v", labels)
	}
	if strings.Contains(form, "--bridge") {
		return
	}
	var values struct {
		Config struct {
			EnvoyGateway struct {
				ExtensionManager struct {
					Service struct {
						TLS struct {
							CertificateRef struct{ Name, Namespace string }
						}
					}
				}
			}
		}
	}
	loosely(t, documents(t, form, "values")[0], &values)
	reference := values.Config.EnvoyGateway.ExtensionManager.Service.TLS.CertificateRef
	if reference.Name != bundle.Name || reference.Namespace != namespace {
		t.Errorf("certificateRef %v, Bundle %s", reference, bundle.Name)
	}
}

// flag is the value of a flag in a form.
func flag(form, name, otherwise string) string {
	words := strings.Fields(form)
	if i := slices.Index(words, name); i >= 0 {
		return words[i+1]
	}
	return otherwise
}
