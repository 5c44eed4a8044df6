package probe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/xeipuuv/gojsonschema"
)

// What programs read is read here by the libraries that such programs use: of Prometheus, and with the schema of SARIF.

// targets are a healthy server, one whose certificate expires soon, one with two faults, and nothing; in that order.
func targets(t *testing.T) (addresses []string, directory string) {
	t.Helper()
	for _, row := range []row{
		{by: []implementation{goServer}, manner: manner{asks: true}},
		{by: []implementation{goServer}, manner: manner{asks: true}, server: leaf{soon: true}},
		{by: []implementation{goServer}, manner: manner{asks: true}, server: leaf{expired: true, names: []string{"other.example"}}},
	} {
		address, of := row.start(t, row.by[0])
		addresses, directory = append(addresses, address), of
	}
	// Characters that each format escapes in its own way.
	return append(addresses, `unix:/no/<such>&"socket"\`), directory
}

func printed(t *testing.T, format string, code int) (out string, addresses []string) {
	t.Helper()
	addresses, directory := targets(t)
	made := run(t, nil, egext, append([]string{"probe", "--dir", directory, "-o", format, "--timeout", "1m"}, addresses...)...)
	if made.code != code || made.stderr != "" {
		t.Fatalf("%+v", made)
	}
	return made.stdout, addresses
}

func TestPrometheusReadsTheNumbers(t *testing.T) {
	out, addresses := printed(t, "prometheus", 1)
	reader := expfmt.NewTextParser(model.LegacyValidation)
	families, err := reader.TextToMetricFamilies(strings.NewReader(out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// As `promtool check metrics` does.
	problems, err := promlint.New(strings.NewReader(out)).Lint()
	must(t, err)
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	healthy := map[string]float64{}
	samples := 0
	for name, family := range families {
		if family.GetHelp() == "" || family.GetType() != dto.MetricType_GAUGE {
			t.Errorf("%s: %v, %q", name, family.GetType(), family.GetHelp())
		}
		seen := map[string]bool{}
		for _, metric := range family.GetMetric() {
			samples++
			labels := labelsOf(metric)
			if seen[labels.String()] {
				t.Errorf("%s%s is there twice", name, labels)
			}
			seen[labels.String()] = true
			if name == "probe_success" {
				healthy[string(labels["target"])] = metric.GetGauge().GetValue()
			}
		}
	}
	lines := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			lines++
		}
	}
	if samples != lines {
		t.Errorf("%d samples in %d lines", samples, lines)
	}
	expected := map[string]float64{addresses[0]: 1, addresses[1]: 1, addresses[2]: 0, addresses[3]: 0}
	if !reflect.DeepEqual(healthy, expected) {
		t.Errorf("%v, expected %v", healthy, expected)
	}
}

func labelsOf(metric *dto.Metric) model.LabelSet {
	labels := model.LabelSet{}
	for _, pair := range metric.GetLabel() {
		labels[model.LabelName(pair.GetName())] = model.LabelValue(pair.GetValue())
	}
	return labels
}

func TestSARIFIsThatOfItsSchema(t *testing.T) {
	out, addresses := printed(t, "sarif", 1)
	validated(t, out)
	report, err := sarif.FromString(out)
	must(t, err)
	var found []string
	for _, result := range report.Runs[0].Results {
		found = append(found, *result.RuleID)
		place := *result.Locations[0].LogicalLocations[0].FullyQualifiedName
		if !strings.HasPrefix(*result.Message.Text, place+": ") {
			t.Errorf("%s: %s", place, *result.Message.Text)
		}
	}
	expected := []string{"probe.server-cert.expiring", "probe.server-cert.expired", "probe.server-cert.name-mismatch", "probe.connect.socket-missing"}
	if !reflect.DeepEqual(found, expected) {
		t.Errorf("%v, expected %v", found, expected)
	}
	// A command that could not run.
	failed := run(t, nil, egext, "probe", addresses[0], "--ca", "/nowhere", "-o", "sarif")
	if failed.code != 2 {
		t.Errorf("%+v", failed)
	}
	validated(t, failed.stdout)
}

// validated compares a log with the schema of SARIF 2.1.0. go-sarif has it, and keeps it to itself: what it validates is a log
// that it has read and filled up. So the schema is taken out of its source.
func validated(t *testing.T, text string) {
	t.Helper()
	directory, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	must(t, err)
	source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(directory)), "schema.go"), nil, 0)
	must(t, err)
	schema, err := strconv.Unquote(source.Scope.Lookup("schema").Decl.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value)
	must(t, err)
	result, err := gojsonschema.Validate(gojsonschema.NewStringLoader(schema), gojsonschema.NewStringLoader(text))
	must(t, err)
	for _, wrong := range result.Errors() {
		t.Error(wrong)
	}
}

// suites is JUnit's XML, as far as CI servers read it.
type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	counts
	Suites []struct {
		counts
		Cases []struct {
			ClassName string `xml:"classname,attr"`
			Name      string `xml:"name,attr"`
			Failures  []struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
			} `xml:"failure"`
			Errors  []struct{} `xml:"error"`
			Skipped []struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type counts struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
}

func TestJUnitIsXMLWhoseNumbersAreRight(t *testing.T) {
	out, addresses := printed(t, "junit", 1)
	decoder := xml.NewDecoder(bytes.NewReader([]byte(out)))
	var read suites
	must(t, decoder.Decode(&read))
	if rest, err := decoder.Token(); !errors.Is(err, io.EOF) && strings.TrimSpace(fmt.Sprintf("%s", rest)) != "" {
		t.Errorf("%s (%v) behind the end", rest, err)
	}
	sum := counts{Name: read.Name}
	var names []string
	for _, suite := range read.Suites {
		names = append(names, suite.Name)
		counted := counts{Name: suite.Name, Tests: len(suite.Cases)}
		for _, test := range suite.Cases {
			if test.ClassName != suite.Name || test.Name == "" {
				t.Errorf("%+v", test)
			}
			for outcome, number := range map[*int]int{&counted.Failures: len(test.Failures), &counted.Errors: len(test.Errors), &counted.Skipped: len(test.Skipped)} {
				*outcome += min(number, 1)
			}
		}
		if counted != suite.counts {
			t.Errorf("%+v, counted %+v", suite.counts, counted)
		}
		sum.Tests, sum.Failures = sum.Tests+counted.Tests, sum.Failures+counted.Failures
		sum.Errors, sum.Skipped = sum.Errors+counted.Errors, sum.Skipped+counted.Skipped
	}
	if sum != read.counts || !reflect.DeepEqual(names, addresses) {
		t.Errorf("%+v, counted %+v; %v", read.counts, sum, names)
	}
}
