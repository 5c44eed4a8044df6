// Package kubernetes asks the code of Kubernetes, of cert-manager and of trust-manager what they make of `egext config kubernetes`.
package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"egext.dev/binary"
	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensions1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	apivalidation "k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

var egextBinary string

func TestMain(m *testing.M) {
	var err error
	if egextBinary, err = binary.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// forms are the ways in which it can be asked.
var forms = []string{
	"",
	"--eg-version 1.4",
	"--eg-version 1.5 --namespace extensions",
	"--eg-version 1.6 --fail-open",
	"--ca-secret 1 --server-secret my.server --client-secret on --namespace yes",
	"--deployment tuner --container serve --service-name tuner-grpc --port 8443",
	"--preset ai-gateway --name ai",
	"--bridge gateway --image example.org/egext@sha256:0123",
	"--bridge gateway --image e:1 --fail-open --eg-version 1.5 --client-secret my.client",
	"--bridge both --image example.org/egext:1 --port 443 --plaintext-port 65535",
	"--trust-secret egext-trust",
	"--trust-secret both --also-trust egext-ca,1 --ca-secret egext-ca-2 --namespace extensions",
	"--trust-secret both --also-trust old --bridge both --image e:1",
}

func documents(t *testing.T, form, part string) [][]byte {
	t.Helper()
	arguments := append([]string{"config", "kubernetes", "--part", part}, strings.Fields(form)...)
	command := binary.Command(egextBinary, arguments...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, stderr.Bytes())
	}
	return bytes.Split(text, []byte("---\n"))
}

// strictly decodes a document: an unknown key is an error.
func strictly(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// loosely decodes what is asked for.
func loosely(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// schemas of the CRDs that a module ships, in this version of them, by kind.
func schemas(t *testing.T, module, version string) map[string]validation.SchemaValidator {
	t.Helper()
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(directory)), "deploy", "crds", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs below %s: %v", directory, err)
	}
	found := map[string]validation.SchemaValidator{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var definition apiextensions1.CustomResourceDefinition
		if err := yaml.Unmarshal(text, &definition); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, served := range definition.Spec.Versions {
			if served.Name != version {
				continue
			}
			var schema apiextensions.JSONSchemaProps
			err := apiextensions1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
				served.Schema.OpenAPIV3Schema, &schema, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			validator, _, err := validation.NewSchemaValidator(&schema)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			found[definition.Spec.Names.Kind] = validator
		}
	}
	return found
}

func TestCertManagerTakesEveryObject(t *testing.T) {
	validators := schemas(t, "github.com/cert-manager/cert-manager", certmanager.SchemeGroupVersion.Version)
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			certificates, issuers := map[string]certmanager.Certificate{}, map[string]certmanager.Issuer{}
			for _, text := range documents(t, form, "ca,certificates") {
				var object map[string]any
				strictly(t, text, &object)
				kind, _ := object["kind"].(string)
				validator, ok := validators[kind]
				if !ok {
					t.Fatalf("no CRD has the kind %q", kind)
				}
				if errors := validation.ValidateCustomResource(nil, object, validator); len(errors) > 0 {
					t.Fatalf("%v\n%s", errors.ToAggregate(), text)
				}
				switch kind {
				case "Certificate":
					var certificate certmanager.Certificate
					strictly(t, text, &certificate)
					certificates[certificate.Name] = certificate
				case "Issuer":
					var issuer certmanager.Issuer
					strictly(t, text, &issuer)
					issuers[issuer.Name] = issuer
				}
			}
			theyFitTogether(t, certificates, issuers)
		})
	}
}

// theyFitTogether: what one object names, another one makes.
func theyFitTogether(t *testing.T, certificates map[string]certmanager.Certificate, issuers map[string]certmanager.Issuer) {
	t.Helper()
	secrets := map[string]certmanager.Certificate{}
	for _, certificate := range certificates {
		spec := certificate.Spec
		if _, ok := secrets[spec.SecretName]; ok {
			t.Errorf("two certificates for the Secret %s", spec.SecretName)
		}
		secrets[spec.SecretName] = certificate
		if _, ok := issuers[spec.IssuerRef.Name]; !ok || spec.IssuerRef.Kind != "Issuer" {
			t.Errorf("%s: there is no issuer %v", certificate.Name, spec.IssuerRef)
		}
		policy := certmanager.RotationPolicyAlways
		if spec.IsCA {
			policy = certmanager.RotationPolicyNever
		}
		if spec.PrivateKey.RotationPolicy != policy {
			t.Errorf("%s: rotation policy %s", certificate.Name, spec.PrivateKey.RotationPolicy)
		}
		if spec.RenewBefore.Duration >= spec.Duration.Duration || spec.RenewBefore.Duration < 24*time.Hour {
			t.Errorf("%s: renewed %v before the end of %v", certificate.Name, spec.RenewBefore, spec.Duration)
		}
	}
	for name, issuer := range issuers {
		if issuer.Spec.CA == nil {
			continue
		}
		ca := secrets[issuer.Spec.CA.SecretName]
		if !ca.Spec.IsCA || issuers[ca.Spec.IssuerRef.Name].Spec.SelfSigned == nil {
			t.Errorf("%s: no self-signed CA in the Secret %s", name, issuer.Spec.CA.SecretName)
		}
		for _, certificate := range certificates {
			// The copies of the old CA certificate are gone before it expires.
			if !certificate.Spec.IsCA && certificate.Spec.Duration.Duration >= ca.Spec.RenewBefore.Duration {
				t.Errorf("%s lives longer than the old CA certificate", certificate.Name)
			}
		}
	}
}

// deployment as somebody has written it, with a probe of another kind.
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: n}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - name: NAME
          image: server:1
          readinessProbe: {grpc: {port: 1}, periodSeconds: 99, initialDelaySeconds: 5}
          volumeMounts: [{name: own, mountPath: /own}]
        - {name: serve, image: server:1}
      volumes: [{name: own, emptyDir: {}}]
`

func TestKubernetesMergesEveryPatch(t *testing.T) {
	for _, form := range forms {
		parts := map[string]string{"server": "extension-server"}
		if strings.Contains(form, "--deployment") {
			parts["server"] = "tuner"
		}
		if strings.Contains(form, "--bridge") {
			parts["gateway"] = "envoy-gateway"
		}
		for part, name := range parts {
			t.Run(form+" "+part, func(t *testing.T) {
				for _, text := range documents(t, form, part) {
					merged := merge(t, strings.ReplaceAll(deployment, "NAME", name), text)
					judge(t, merged, name, strings.Contains(form, "--bridge both") || part == "gateway")
				}
			})
		}
	}
}

func merge(t *testing.T, original string, patch []byte) apps.Deployment {
	t.Helper()
	before, err := yaml.YAMLToJSON([]byte(original))
	if err != nil {
		t.Fatal(err)
	}
	change, err := yaml.YAMLToJSON(patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(before, change, apps.Deployment{})
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	var merged apps.Deployment
	strictly(t, after, &merged)
	return merged
}

func judge(t *testing.T, merged apps.Deployment, name string, hasBridge bool) {
	t.Helper()
	if merged.Name != name {
		t.Errorf("a patch of %s", merged.Name)
	}
	pod := merged.Spec.Template.Spec
	volumes := map[string]core.Volume{}
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = volume
		for _, wrong := range apivalidation.IsDNS1123Label(volume.Name) {
			t.Errorf("volume %s: %s", volume.Name, wrong)
		}
	}
	if _, ok := volumes["own"]; !ok {
		t.Error("a volume of the user's is lost")
	}
	bridges := 0
	for _, container := range pod.Containers {
		if container.Image == "" {
			t.Errorf("%s has no image: no container of this name was there", container.Name)
		}
		for _, mount := range container.VolumeMounts {
			if _, ok := volumes[mount.Name]; !ok {
				t.Errorf("%s mounts %s, which is no volume", container.Name, mount.Name)
			}
		}
		if probe := container.ReadinessProbe; probe != nil && probe.Exec != nil {
			if probe.GRPC != nil || probe.PeriodSeconds != 10 || probe.InitialDelaySeconds != 0 {
				t.Errorf("%s: the old probe is still there: %v", container.Name, probe)
			}
			understood(t, probe.Exec.Command)
		}
		if container.Name == "egext-bridge" {
			bridges++
			understood(t, container.Command)
		}
	}
	if hasBridge != (bridges == 1) {
		t.Errorf("%d bridges", bridges)
	}
}

// understood: egext knows every flag of the command. What it says of the rest is about files that are not here.
func understood(t *testing.T, command []string) {
	t.Helper()
	if !slices.Contains([]string{"bridge", "probe"}, command[1]) {
		t.Fatalf("%v", command)
	}
	context, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	output, _ := exec.CommandContext(context, egextBinary, append(command[1:], "-o", "json")...).Output()
	var said struct{ Error struct{ Message string } }
	if err := json.Unmarshal(output, &said); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, output)
	}
	if !strings.Contains(said.Error.Message, "/etc/egext/") {
		t.Errorf("%v: %s", command, output)
	}
}
