package kubernetes

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	trust "github.com/cert-manager/trust-manager/pkg/apis/trust/v1alpha1"
	core "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
)

// The Bundle in docs/kubernetes.md, for the time in which two CAs are trusted: trust-manager takes it, it reads the CA
// certificates where cert-manager puts them, and it writes them where Envoy Gateway reads them.
func TestTrustManagerTakesTheBundleOfTheDocumentation(t *testing.T) {
	text := documented(t, "kind: Bundle\n")
	var object map[string]any
	strictly(t, text, &object)
	validator := schemas(t, "github.com/cert-manager/trust-manager", trust.SchemeGroupVersion.Version)[trust.BundleKind]
	if errors := validation.ValidateCustomResource(nil, object, validator); len(errors) > 0 {
		t.Errorf("%v\n%s", errors.ToAggregate(), text)
	}

	var bundle trust.Bundle
	strictly(t, text, &bundle)
	if bundle.APIVersion != trust.SchemeGroupVersion.String() {
		t.Errorf("apiVersion %s", bundle.APIVersion)
	}
	for i, name := range []string{"egext-ca", "egext-ca-2"} {
		if source := bundle.Spec.Sources[i].Secret; source == nil || source.Name != name || source.Key != core.TLSCertKey {
			t.Errorf("source %d: %v", i, source)
		}
	}
	if target := bundle.Spec.Target.Secret; target == nil || target.Key != core.TLSCertKey {
		t.Errorf("target %v", target)
	}
	// Namespaces have this label from Kubernetes itself.
	if names := bundle.Spec.Target.NamespaceSelector.MatchLabels; names[core.LabelMetadataName] != "extensions" {
		t.Errorf("target in %v", names)
	}
}

// documented is the one block of YAML with this text in docs/kubernetes.md.
func documented(t *testing.T, part string) []byte {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "kubernetes.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, after := range bytes.Split(page, []byte("```yaml\n"))[1:] {
		if block, _, ok := bytes.Cut(after, []byte("```")); ok && bytes.Contains(block, []byte(part)) {
			found = append(found, block)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks with %q", len(found), part)
	}
	return found[0]
}
