// SPDX-License-Identifier: LGPL-2.1-or-later

// Package tap prints results in the Test Anything Protocol, version 13.
//
// The validation programs import github.com/mndrix/tap-go, which Debian does not have. This stands
// in for it: the part of its interface that they call, written from their calls. A diagnostic block
// is JSON, which is YAML too.
package tap

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// T is one run of tests, numbered in the order of their results.
type T struct {
	count *int
	todo  bool
}

// New returns a run that has had no test yet.
func New() *T {
	return &T{count: new(int)}
}

// Header begins the output. A plan of no tests is not printed: AutoPlan does it at the end.
func (t *T) Header(planned int) {
	fmt.Println("TAP version 13")
	if planned > 0 {
		fmt.Printf("1..%d\n", planned)
	}
}

// AutoPlan ends the output: as many tests were meant as there have been.
func (t *T) AutoPlan() {
	fmt.Printf("1..%d\n", *t.count)
}

// Todo returns the same run, whose results are marked as of something not finished.
func (t *T) Todo() *T {
	return &T{count: t.count, todo: true}
}

func (t *T) result(verdict, description string) {
	*t.count++
	mark := " - "
	if t.todo {
		mark = " # TODO "
	}
	// One result is one line.
	fmt.Printf("%s %d%s%s\n", verdict, *t.count, mark, strings.ReplaceAll(description, "\n", " "))
}

// Ok is a test that passes if the condition is true.
func (t *T) Ok(passed bool, description string) {
	if passed {
		t.Pass(description)
	} else {
		t.Fail(description)
	}
}

// Pass is a test that passes.
func (t *T) Pass(description string) {
	t.result("ok", description)
}

// Fail is a test that fails.
func (t *T) Fail(description string) {
	t.result("not ok", description)
}

// Skip is a number of tests that were not made.
func (t *T) Skip(tests int, reason string) {
	for ; tests > 0; tests-- {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, reason)
	}
}

// Diagnostic is text for the reader.
func (t *T) Diagnostic(text string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Println("# " + line)
	}
}

// Diagnosticf is formatted text for the reader.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML is data that belongs to the last test.
func (t *T) YAML(data interface{}) error {
	text, err := json.MarshalIndent(data, "  ", "  ")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return err
	}
	fmt.Printf("  ---\n  %s\n  ...\n", text)
	return nil
}
