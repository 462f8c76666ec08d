//go:build linux && (amd64 || arm64)

package parquet

import (
	"os"
	"syscall"
)

// willNeed is POSIX_FADV_WILLNEED.
const willNeed = 3

// readAhead asks the kernel to have a range of a file in memory soon. It does not
// wait; whether it helps is nobody's concern but time's.
func readAhead(f *os.File, from, length int64) {
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), uintptr(from), uintptr(length), willNeed, 0, 0)
}
