// Package report writes tables of measurements as Markdown, into the terminal and
// into the page that keeps them.
package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Section is a part of the page: everything between two marks of its name.
type Section struct {
	name string
	text strings.Builder
}

// New begins a section. The page has the marks <!-- name --> and <!-- /name -->.
func New(name string) *Section { return &Section{name: name} }

// Printf adds text.
func (s *Section) Printf(format string, args ...any) { fmt.Fprintf(&s.text, format, args...) }

// Table adds a table; the first row is its head. Columns but the first are
// numbers, set to the right.
func (s *Section) Table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], len([]rune(c)))
		}
	}
	line := func(r []string) {
		s.text.WriteString("|")
		for i, c := range r {
			pad := strings.Repeat(" ", widths[i]-len([]rune(c)))
			if i == 0 {
				s.Printf(" %s%s |", c, pad)
			} else {
				s.Printf(" %s%s |", pad, c)
			}
		}
		s.text.WriteString("\n")
	}
	line(rows[0])
	s.text.WriteString("|")
	for i := range rows[0] {
		if i == 0 {
			s.text.WriteString("---|")
		} else {
			s.text.WriteString("---:|")
		}
	}
	s.text.WriteString("\n")
	for _, r := range rows[1:] {
		line(r)
	}
	s.text.WriteString("\n")
}

// String returns the text so far.
func (s *Section) String() string { return s.text.String() }

// Finish prints the section and, if page is not "", puts it between its marks
// there.
func (s *Section) Finish(out io.Writer, page string) error {
	fmt.Fprint(out, s.String())
	if page == "" {
		return nil
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+s.name+" -->\n", "<!-- /"+s.name+" -->\n"
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no section between %q and %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(before+begin+"\n"+strings.TrimSpace(s.String())+"\n\n"+end+after), 0o644)
}

// Machine describes the machine and the moment: processor, memory, load.
func Machine() string {
	memory := ""
	if kb := field("/proc/meminfo", "MemTotal:"); kb != "" {
		var n float64
		fmt.Sscanf(kb, "%f", &n)
		memory = fmt.Sprintf(", %.0f GB", n/(1<<20))
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load at the start " + strings.Fields(string(text))[0]
	}
	return fmt.Sprintf("%s, %d processors%s, %s, %s%s", Processor(), runtime.NumCPU(), memory, runtime.Version(), time.Now().UTC().Format(time.DateOnly), load)
}

// Processor names the processor.
func Processor() string {
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		return strings.TrimLeft(name, ": \t")
	}
	return runtime.GOARCH
}

// field returns what follows a name at the beginning of a line.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// Millis shows a time in milliseconds with three digits that count.
func Millis(d time.Duration) string { return Digits(float64(d) / 1e6) }

// Digits shows a number with about three digits that count.
func Digits(x float64) string {
	switch {
	case math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// Ratio shows a divided by b; "-" where there is nothing to divide by.
func Ratio(a, b time.Duration) string {
	if b <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

// Quantile returns the value below which the part q of the values lies. It sorts
// them; there is at least one.
func Quantile(values []time.Duration, q float64) time.Duration {
	slices.Sort(values)
	return values[min(len(values)-1, int(q*float64(len(values))))]
}
