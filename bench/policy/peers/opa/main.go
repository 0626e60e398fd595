// OPA's side of bench/policy: the conversation of README.md over the files that restate.py wrote.
//
// The query is prepared and the inputs are parsed before anything is timed; one Eval is one decision.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

func die(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n", values...)
	os.Exit(1)
}

func orDie[T any](value T, err error) T {
	if err != nil {
		die("%v", err)
	}
	return value
}

func read(path string) string { return string(orDie(os.ReadFile(path))) }

type caseFile struct {
	Inputs  []json.RawMessage `json:"inputs"`
	Allowed []bool            `json:"allowed"`
}

func readCase(text string) caseFile {
	var out caseFile
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		die("%v", err)
	}
	return out
}

func parsed(inputs []json.RawMessage) []ast.Value {
	var out []ast.Value
	for _, input := range inputs {
		out = append(out, orDie(ast.ValueFromReader(strings.NewReader(string(input)))))
	}
	return out
}

func prepared(module string, options ...func(*rego.Rego)) rego.PreparedEvalQuery {
	options = append(options, rego.Query("data.bench.allow"), rego.Module("policies.rego", module))
	return orDie(rego.New(options...).PrepareForEval(context.Background()))
}

type loaded struct {
	query   rego.PreparedEvalQuery
	inputs  []ast.Value
	allowed []bool // as expected; only to tell the sequences apart
}

func (c *loaded) decide(input ast.Value) bool { return decide(c.query, input) }

func decide(query rego.PreparedEvalQuery, input ast.Value) bool {
	results, err := query.Eval(context.Background(), rego.EvalParsedInput(input))
	if err != nil {
		die("%v", err)
	}
	return results.Allowed()
}

func (c *loaded) sequence(name string) []ast.Value {
	var out []ast.Value
	for i, input := range c.inputs {
		if name == "all" || (name == "allow") == c.allowed[i] {
			out = append(out, input)
		}
	}
	return out
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

func since(start time.Time) float64 { return float64(time.Since(start).Nanoseconds()) }

// The processor time that this process has used, in ns, the collector's threads included: what a busy machine's other work does
// not add to.
func processorTime() float64 {
	const clockProcessCPUTime = 2 // CLOCK_PROCESS_CPUTIME_ID
	var now syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockProcessCPUTime, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		die("no clock of this process's processor time: %v", errno)
	}
	return float64(now.Nano())
}

func clockOverhead() float64 {
	var empty []float64
	for range 20_001 {
		from := processorTime()
		empty = append(empty, processorTime()-from)
	}
	return quantile(empty, 0.5)
}

var kept bool // a result that the compiler must produce

func measured(c *loaded, name string, milliseconds float64) any {
	sequence, half := c.sequence(name), milliseconds*1e6/2
	askAll := func() {
		for _, input := range sequence {
			kept = c.decide(input)
		}
	}
	askAll()
	warm := time.Now()
	askAll()
	passes := max(1, int(200e3/since(warm)))
	perBatch := passes * len(sequence)
	var batches, singles []float64
	for start := time.Now(); len(batches) == 0 || since(start) < half; {
		from := processorTime()
		for range passes {
			askAll()
		}
		batches = append(batches, (processorTime()-from)/float64(perBatch))
	}
	overhead := clockOverhead()
	for start := time.Now(); len(singles) == 0 || since(start) < half; {
		for _, input := range sequence {
			from := processorTime()
			kept = c.decide(input)
			singles = append(singles, max(0, processorTime()-from-overhead))
		}
	}
	return map[string]any{"median_ns": quantile(batches, 0.5), "single_median_ns": quantile(singles, 0.5),
		"p99_ns": quantile(singles, 0.99), "decisions": len(batches)*perBatch + len(singles)}
}

func compiled(module string, milliseconds float64) any {
	var times []float64
	for start := time.Now(); len(times) < 3 || since(start) < milliseconds*1e6; {
		from := processorTime()
		prepared(module)
		times = append(times, processorTime()-from)
	}
	return map[string]any{"median_ns": quantile(times, 0.5), "p99_ns": quantile(times, 0.99)}
}

func residentBytes() int {
	pages := strings.Fields(read("/proc/self/statm"))[1]
	return orDie(strconv.Atoi(pages)) * os.Getpagesize()
}

// `@@` becomes the next number, `@` this one.
func numbered(text string, number int) string {
	return strings.NewReplacer("@@", fmt.Sprintf("%07d", number+1), "@", fmt.Sprintf("%07d", number)).Replace(text)
}

// What each of `count` principals may do is data, since a generated rule for each would not fit; the ceilings are rules.
func populated(folder string, count int) any {
	own := read(folder + "/population/own.json")
	debug.FreeOSMemory()
	before, start := residentBytes(), time.Now()
	statements := make(map[string]any, count)
	for i := range count {
		var entry map[string]any
		if err := json.Unmarshal([]byte(numbered(own, i)), &entry); err != nil {
			die("%v", err)
		}
		for role, values := range entry {
			statements[role] = values
		}
	}
	// The store keeps values as it evaluates them, without a conversion at each read.
	store := inmem.NewFromObjectWithOpts(map[string]any{"inline": statements}, inmem.OptReturnASTValuesOnRead(true))
	statements = nil
	query := prepared(read(folder+"/population/policies.rego"), rego.Store(store))
	seconds := since(start) / 1e9
	debug.FreeOSMemory() // garbage does not count
	bytes := residentBytes() - before
	questions := read(folder + "/population/inputs.json")
	for i := 0; i < count; i += max(1, count/100) {
		c := readCase(numbered(questions, i))
		for j, input := range parsed(c.Inputs) {
			if decide(query, input) != c.Allowed[j] {
				die("principal %d: allowed is not %v", i, c.Allowed[j])
			}
		}
	}
	return map[string]any{"bytes": bytes, "seconds": seconds, "principals": count}
}

func main() {
	if len(os.Args) != 2 {
		die("usage: bench-policy-opa FOLDER")
	}
	folder, cases := os.Args[1], map[string]*loaded{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		number := func(word string) float64 { return orDie(strconv.ParseFloat(word, 64)) }
		at := func(name string) *loaded {
			c, ok := cases[name]
			if !ok {
				die("case %s is not loaded", name)
			}
			return c
		}
		var answer any = map[string]any{}
		switch words[0] {
		case "load":
			c := readCase(read(folder + "/" + words[1] + "/inputs.json"))
			query := prepared(read(folder + "/" + words[1] + "/policies.rego"))
			cases[words[1]] = &loaded{query, parsed(c.Inputs), c.Allowed}
		case "drop":
			delete(cases, words[1])
		case "answers":
			answers := []string{}
			for _, input := range at(words[1]).inputs {
				answers = append(answers, map[bool]string{true: "allow", false: "deny"}[at(words[1]).decide(input)])
			}
			answer = map[string]any{"answers": answers}
		case "round":
			answer = measured(at(words[1]), words[2], number(words[3]))
		case "compile":
			answer = compiled(read(folder+"/compile/policies.rego"), number(words[1]))
		case "population":
			answer = populated(folder, int(number(words[1])))
		case "about":
			answer = map[string]any{"clock": fmt.Sprintf("processor time, %.0f ns subtracted", clockOverhead())}
		default:
			die("unknown command: %s", lines.Text())
		}
		fmt.Println(string(orDie(json.Marshal(answer))))
	}
}
