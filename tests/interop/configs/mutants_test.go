package configs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// plantMutants writes files that are nearly those of the corpus: with a key dropped, renamed, in another case, at another level, or
// with another value, or several of these. The same seed gives the same files.
func plantMutants(t testing.TB, seed uint64, count int) []string {
	t.Helper()
	directory := t.TempDir()
	random := mutator{rand.New(rand.NewPCG(seed, 0))}
	originals := mutable(t)
	paths := make([]string, count)
	for i := range paths {
		original, other := originals[random.IntN(len(originals))], originals[random.IntN(len(originals))]
		if weight(other) > weight(original) {
			original = other
		}
		text := random.write(random.mutate(original))
		paths[i] = filepath.Join(directory, fmt.Sprintf("%05d.yaml", i))
		if err := os.WriteFile(paths[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// mutable are the files of the corpus that are a map in YAML without aliases.
func mutable(t testing.TB) []*yaml.Node {
	t.Helper()
	var all []*yaml.Node
	for _, path := range corpusFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var document yaml.Node
		if yaml.Unmarshal(text, &document) != nil || len(document.Content) == 0 {
			continue
		}
		root := document.Content[0]
		isOurs := root.Kind == yaml.MappingNode && strings.Contains(string(text), "EnvoyGateway\n")
		if isOurs && !strings.Contains(string(text), "ConfigMap") && !hasAlias(root) {
			all = append(all, root)
		}
	}
	return all
}

func hasAlias(node *yaml.Node) bool {
	return node.Kind == yaml.AliasNode || slices.ContainsFunc(node.Content, hasAlias)
}

// weight is how many nodes there are, so that large files come more often.
func weight(node *yaml.Node) int {
	all := 1
	for _, child := range node.Content {
		all += weight(child)
	}
	return all
}

func deepCopy(node *yaml.Node) *yaml.Node {
	twin := *node
	twin.Content = make([]*yaml.Node, len(node.Content))
	for i, child := range node.Content {
		twin.Content[i] = deepCopy(child)
	}
	return &twin
}

type mutator struct{ *rand.Rand }

func (m mutator) mutate(original *yaml.Node) *yaml.Node {
	root := deepCopy(original)
	for range []int{1, 1, 1, 2, 3}[m.IntN(5)] {
		maps := filledMaps(root, nil)
		if len(maps) == 0 {
			break
		}
		// Deep ones are the most, so the upper ones get more than their share.
		of := maps[min(m.IntN(len(maps)), m.IntN(len(maps)))]
		i := m.IntN(len(of.Content)/2) * 2
		if isHeader := of == root && (of.Content[i].Value == "kind" || of.Content[i].Value == "apiVersion"); isHeader && m.IntN(10) > 0 {
			continue
		}
		m.change(of, i, maps)
	}
	return root
}

// change does something to the entry at i of a map.
func (m mutator) change(of *yaml.Node, i int, maps []*yaml.Node) {
	key, value := of.Content[i], of.Content[i+1]
	switch m.IntN(8) {
	case 0: // drop
		of.Content = slices.Delete(of.Content, i, i+2)
	case 1: // rename
		key.Value = m.mistyped(key.Value)
	case 2: // re-case
		key.Value = m.recased(key.Value)
	case 3, 4: // re-type
		of.Content[i+1] = m.value()
	case 5: // re-type a value, its words kept
		*value = *m.retyped(value)
	case 6: // re-nest: to another map
		to := maps[m.IntN(len(maps))]
		if slices.Contains(filledMaps(value, nil), to) {
			return
		}
		of.Content = slices.Delete(of.Content, i, i+2)
		put(to, key, value)
	case 7: // re-nest: what is below it takes its place
		if value.Kind != yaml.MappingNode {
			return
		}
		of.Content = slices.Delete(of.Content, i, i+2)
		for j := 0; j < len(value.Content); j += 2 {
			put(of, value.Content[j], value.Content[j+1])
		}
	}
}

// put sets a key. One that stands twice is a matter of the corpus.
func put(of, key, value *yaml.Node) {
	for i := 0; i < len(of.Content); i += 2 {
		if of.Content[i].Value == key.Value {
			of.Content[i+1] = value
			return
		}
	}
	of.Content = append(of.Content, key, value)
}

func filledMaps(node *yaml.Node, found []*yaml.Node) []*yaml.Node {
	if node.Kind == yaml.MappingNode && len(node.Content) > 0 {
		found = append(found, node)
	}
	for _, child := range node.Content {
		found = filledMaps(child, found)
	}
	return found
}

func (m mutator) mistyped(key string) string {
	letters := []rune(key)
	if len(letters) < 2 {
		return key + "x"
	}
	i := m.IntN(len(letters) - 1)
	switch m.IntN(4) {
	case 0:
		letters[i] = []rune("absxXS_-")[m.IntN(8)]
	case 1:
		letters[i], letters[i+1] = letters[i+1], letters[i]
	case 2:
		letters = slices.Delete(letters, i, i+1)
	default:
		letters = append(letters, 's')
	}
	return string(letters)
}

func (m mutator) recased(key string) string {
	switch letters := []rune(key); m.IntN(3) {
	case 0:
		return strings.ToLower(key)
	case 1:
		return strings.ToUpper(key)
	default:
		if len(letters) == 0 {
			return key
		}
		if unicode.IsUpper(letters[0]) {
			letters[0] = unicode.ToLower(letters[0])
		} else {
			letters[0] = unicode.ToUpper(letters[0])
		}
		return string(letters)
	}
}

// values are of all types, and those that YAML 1.1 sees in a way of its own.
var values = []string{
	"", "~", "null", "true", "False", "yes", "off", "n", "0", "1", "-1", "+5", "1.5", "10.0", "1e3", "2147483647", "2147483648", "1099511627776",
	"9223372036854775807", "9223372036854775808", "18446744073709551616", "3.0e10", "1e21", "1e-7", "0.1", "010", "0o10", "0x1F", "0b11", "1_000", "1:30",
	"2020-01-01", "2020-01-01T00:00:00Z", ".5", "5.", ".inf", "-.inf", ".nan", "x", "a b", `""`, `"1"`, `'true'`, "4Mi", "4MiB", "1.5Gi", "100m", "-4Mi",
	"5s", "0s", "1h30m", "soon", "Kubernetes", "Custom", "File", "Host", "Remote", "route", "Route", "Secret", "info", "=", "<<",
	"[]", "{}", "[a]", "[1]", "[~]", "[[1]]", "[{}]", "{a: b}", "{a: {b: 1}}", "[a, 1, true]", "[{name: a}]",
}

func (m mutator) value() *yaml.Node {
	text := values[m.IntN(len(values))]
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		panic(err)
	}
	if len(document.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode}
	}
	if document.Content[0].Kind == yaml.ScalarNode && document.Content[0].Style == 0 {
		document.Content[0].Value = text
	}
	return document.Content[0]
}

func (m mutator) retyped(value *yaml.Node) *yaml.Node {
	switch {
	case value.Kind == yaml.SequenceNode && len(value.Content) > 0:
		return value.Content[m.IntN(len(value.Content))]
	case value.Kind == yaml.ScalarNode && value.Style == 0 && m.IntN(2) == 0:
		quoted := *value
		quoted.Style = yaml.DoubleQuotedStyle
		return &quoted
	case value.Kind == yaml.ScalarNode && m.IntN(2) == 0:
		bare := *value
		bare.Style = 0
		return &bare
	default:
		only := *value
		return &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{&only}}
	}
}

// write gives YAML in block or flow style, or JSON. The words of plain scalars are kept, whatever their type is to YAML.
func (m mutator) write(root *yaml.Node) string {
	var text strings.Builder
	if m.IntN(10) == 0 {
		var plain any
		if root.Decode(&plain) == nil {
			if as, err := json.Marshal(plain); err == nil {
				return string(as)
			}
		}
	}
	block(&text, root, 0, 1+m.IntN(6))
	return text.String()
}

// block writes a node with line ends, down to a depth from which on all is on one line.
func block(text *strings.Builder, node *yaml.Node, depth, flowFrom int) {
	blanks := strings.Repeat("  ", depth)
	isFlow := func(child *yaml.Node) bool { return depth+1 >= flowFrom || len(child.Content) == 0 }
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			fmt.Fprintf(text, "%s%s:", blanks, flow(key))
			if isFlow(value) {
				fmt.Fprintf(text, " %s\n", flow(value))
			} else {
				text.WriteString("\n")
				block(text, value, depth+1, flowFrom)
			}
		}
	case yaml.SequenceNode:
		for _, item := range node.Content {
			if isFlow(item) {
				fmt.Fprintf(text, "%s- %s\n", blanks, flow(item))
			} else {
				fmt.Fprintf(text, "%s-\n", blanks)
				block(text, item, depth+1, flowFrom)
			}
		}
	}
}

func flow(node *yaml.Node) string {
	var parts []string
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			parts = append(parts, flow(node.Content[i])+": "+flow(node.Content[i+1]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, item := range node.Content {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch {
	case node.Style&^yaml.TaggedStyle != 0 || strings.ContainsAny(node.Value, "[]{},:#\n\"'"):
		quoted, _ := json.Marshal(node.Value)
		return string(quoted)
	case node.Value == "":
		return "~"
	default:
		return node.Value
	}
}
