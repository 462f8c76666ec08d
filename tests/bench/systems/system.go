// Package systems runs what is measured: a hub, DuckDB, PostgreSQL, MariaDB, each
// in processes of its own, so that their times and memory can be told apart.
package systems

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Sample is one run of a statement.
type Sample struct {
	// Wall is the time until the client had the last row.
	Wall time.Duration
	// CPU is what the system's process used; 0 where that is not known.
	CPU time.Duration
	// Rows is the number of rows of the answer.
	Rows int64
}

// System answers queries.
type System interface {
	// Name is how tables call it.
	Name() string
	// Answer returns the rows as text, NULL as "NULL".
	Answer(ctx context.Context, sql string) ([][]string, error)
	// Time runs a query and throws its rows away.
	Time(ctx context.Context, sql string) (Sample, error)
}

// Best runs a query and returns the least time of its runs, and the least
// processor time.
func Best(ctx context.Context, s System, sql string, runs int) (Sample, error) {
	best := Sample{Wall: math.MaxInt64, CPU: math.MaxInt64}
	for range runs {
		one, err := s.Time(ctx, sql)
		if err != nil {
			return Sample{}, fmt.Errorf("%s: %w", s.Name(), err)
		}
		best.Wall, best.CPU, best.Rows = min(best.Wall, one.Wall), min(best.CPU, one.CPU), one.Rows
	}
	return best, nil
}

// Same compares two answers. Rows may come in another order where the query
// leaves that open. With a tolerance, numbers that are written differently are
// equal when they differ by no more than that part of them.
func Same(a, b [][]string, tolerance float64) bool {
	if len(a) != len(b) {
		return false
	}
	equal := func(x, y []string) bool {
		return slices.EqualFunc(x, y, func(x, y string) bool { return x == y || tolerance > 0 && near(x, y, tolerance) })
	}
	if slices.EqualFunc(a, b, equal) {
		return true
	}
	sorted := func(rows [][]string) [][]string {
		rows = slices.Clone(rows)
		slices.SortFunc(rows, func(x, y []string) int { return slices.CompareFunc(x, y, compareValues) })
		return rows
	}
	return slices.EqualFunc(sorted(a), sorted(b), equal)
}

// compareValues orders numbers by what they are, so that two spellings of the
// same rows end up in the same order.
func compareValues(x, y string) int {
	p, err1 := strconv.ParseFloat(x, 64)
	q, err2 := strconv.ParseFloat(y, 64)
	if err1 == nil && err2 == nil {
		switch {
		case near(x, y, 1e-9):
			return 0
		case p < q:
			return -1
		default:
			return 1
		}
	}
	return strings.Compare(x, y)
}

func near(x, y string, tolerance float64) bool {
	p, err1 := strconv.ParseFloat(x, 64)
	q, err2 := strconv.ParseFloat(y, 64)
	return err1 == nil && err2 == nil && math.Abs(p-q) <= tolerance*max(math.Abs(p), math.Abs(q))
}

// processorTime is the processor time that a process has used, to the
// nanosecond.
func processorTime(pid int) (time.Duration, error) {
	// The clock of another process, as clock_getcpuclockid(3) makes it.
	const scheduled = 2
	t, err := clock(uintptr(int32(^pid<<3 | scheduled)))
	if err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return t, nil
}

// ThreadTime is the processor time that the calling thread has used. The caller
// keeps its goroutine on the thread.
func ThreadTime() time.Duration {
	const ofThread = 3
	t, err := clock(ofThread)
	if err != nil {
		panic(err) // every Linux has this clock
	}
	return t
}

// clock reads a clock of the kernel.
func clock(id uintptr) (time.Duration, error) {
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, errno
	}
	return time.Duration(ts.Nano()), nil
}

// resident returns the memory of a process in bytes: now and the most it was.
func resident(pid int) (now, most int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		var to *int64
		switch {
		case strings.HasPrefix(line, "VmRSS:"):
			to = &now
		case strings.HasPrefix(line, "VmHWM:"):
			to = &most
		default:
			continue
		}
		kb, err := strconv.ParseInt(strings.Fields(line)[1], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		*to = kb << 10
	}
	return now, most, nil
}

// forgetPeak sets the most memory of a process back to what it has now.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// Threads is the number of threads that every system gets.
func Threads() int { return runtime.NumCPU() }
