package configs

import (
	"strings"
)

// lines says it to a person.
func (v verdict) lines() string {
	var lines []string
	switch {
	case v.Decode != "":
		lines = append(lines, "not decoded: "+oneLine(v.Decode))
	case len(v.Start) > 0:
		lines = append(lines, "refused: "+choice(v.Start))
	default:
		lines = append(lines, "accepted")
	}
	if len(v.Reload) > 0 && choice(v.Reload) != choice(v.Start) {
		lines = append(lines, "refused when it changes: "+choice(v.Reload))
	}
	if v.Decode == "" && len(v.Start) > 0 && len(v.Reload) == 0 {
		lines = append(lines, "accepted when it changes")
	}
	for _, key := range v.Ignored {
		lines = append(lines, "ignored: "+key)
	}
	for _, complaint := range v.Twice {
		lines = append(lines, "twice: "+oneLine(complaint))
	}
	return strings.Join(lines, "\n")
}

// choice is for the texts of which Envoy Gateway tells one.
func choice(texts []string) string {
	short := make([]string, len(texts))
	for i, text := range texts {
		short[i] = oneLine(text)
	}
	return strings.Join(short, " | or: ")
}

// quotes are where Envoy Gateway's messages begin to quote the whole file, or name a line of its own code or an address.
var quotes = []string{" is missing in ", " in scheme ", " TLS certificateRef 0x"}

// oneLine is a text of Envoy Gateway's without such a quotation.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, quote := range quotes {
		if before, _, found := strings.Cut(text, quote); found {
			return before + strings.TrimRight(quote, " 0x")
		}
	}
	return text
}
