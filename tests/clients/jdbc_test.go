package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// driver is where Debian's package libpostgresql-jdbc-java puts the driver.
const driver = "/usr/share/java/postgresql.jar"

func TestJDBCProgram(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Fatal("no java found: install the Debian package default-jdk-headless")
	}
	if _, err := os.Stat(driver); err != nil {
		t.Fatal("no JDBC driver found: install the Debian package libpostgresql-jdbc-java")
	}
	h := fixture(t)
	url := fmt.Sprintf("jdbc:postgresql://%s:%d/hubsql?sslmode=disable", h.Host, h.Port)
	cmd := exec.CommandContext(t.Context(), java, "-Duser.timezone=UTC", "-Duser.language=en", "-Dfile.encoding=UTF-8", "-cp", driver,
		filepath.Join("testdata", "Clients.java"), url, stewardPassword, analystPassword)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs.String())
	}
	want, err := os.ReadFile(filepath.Join("testdata", "Clients.out"))
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}
