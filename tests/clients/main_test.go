package clients

import (
	"os"
	"testing"

	"github.com/hubsql/hubsql/tests/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
