package harness

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Maria is a running MariaDB server with a user of all privileges.
type Maria struct {
	Host     string
	Port     int
	User     string
	Password string
	socket   string
	server   server
}

// MariaDB returns the MariaDB server of this test binary, running.
func MariaDB(t testing.TB) *Maria {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.maria == nil {
		m, err := newMaria(t)
		if err != nil {
			t.Fatalf("harness: MariaDB: %v", err)
		}
		shared.maria = m
	}
	if shared.maria.server.alive == nil {
		if err := shared.maria.launch(); err != nil {
			t.Fatalf("harness: MariaDB: %v", err)
		}
	}
	return shared.maria
}

// find returns the path of a program, looking where Debian puts servers too.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s found: install the Debian package mariadb-server", name)
}

// newMaria makes a server that is small and logs every statement.
func newMaria(t testing.TB) (*Maria, error) {
	dir := folder(t, "mariadb")
	return dataDirectory(dir, "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--max-connections=60",
		"--general-log", "--general-log-file="+filepath.Join(dir, "general"))
}

// dataDirectory returns a server on a data directory in a folder that is there,
// made if the folder has none, with more options. It is not running.
func dataDirectory(dir string, options ...string) (*Maria, error) {
	install, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	daemon, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	port, err := unusedPort()
	if err != nil {
		return nil, err
	}
	m := &Maria{Host: "127.0.0.1", Port: port, User: "hub", Password: "s3cret@:/ pass", socket: filepath.Join(dir, "s")}
	data := filepath.Join(dir, "data")
	// A server that starts removes the temporary tables of others from a folder
	// that it shares with them.
	scratch := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(data, "mysql", "db.frm")); err != nil {
		args := []string{"--no-defaults", "--datadir=" + data, "--tmpdir=" + scratch, "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-flush-log-at-trx-commit=0"}
		if os.Getuid() == 0 {
			args = append(args, "--user=root")
		}
		if out, err := exec.Command(install, args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
		}
	}
	m.server.log = filepath.Join(dir, "log")
	m.server.signal = "TERM"
	m.server.args = append([]string{
		daemon, "--no-defaults", "--datadir=" + data, "--tmpdir=" + scratch, "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(m.Port),
		"--socket=" + m.socket, "--pid-file=" + filepath.Join(dir, "pid"),
		"--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--skip-name-resolve",
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--sql-mode=", "--default-time-zone=+03:00",
	}, options...)
	if os.Getuid() == 0 {
		m.server.args = append(m.server.args, "--user=root")
	}
	return m, nil
}

// launch starts the process, waits until it answers and creates the user.
func (m *Maria) launch() error {
	if err := m.server.start(); err != nil {
		return err
	}
	return m.server.await("mariadbd", func() error {
		config := mysql.NewConfig()
		config.User, config.Net, config.Addr = "root", "unix", m.socket
		config.Logger = &mysql.NopLogger{}
		return m.run(config, "SET GLOBAL sql_mode=''", "CREATE USER IF NOT EXISTS 'hub'@'%' IDENTIFIED BY '"+m.Password+"'",
			"GRANT ALL ON *.* TO 'hub'@'%' WITH GRANT OPTION")
	})
}

// run executes statements over one connection of its own.
func (m *Maria) run(config *mysql.Config, statements ...string) error {
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%w\n%.300s", err, s)
		}
	}
	return nil
}

// Exec runs statements in a database ("" for none) with the character set
// utf8mb4 and NO_BACKSLASH_ESCAPES.
func (m *Maria) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = m.User, m.Password, "tcp", fmt.Sprintf("%s:%d", m.Host, m.Port), database
	config.Params = map[string]string{"sql_mode": "'NO_BACKSLASH_ESCAPES'"}
	if err := m.run(config, statements...); err != nil {
		t.Fatal(err)
	}
}

// Log returns the statements that the server got.
func (m *Maria) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(m.server.log), "general"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Stop shuts the server down; Start brings it back.
func (m *Maria) Stop() { m.server.stop() }

// Kill ends the server as a crash does; Start brings it back.
func (m *Maria) Kill() { m.server.kill() }

// Start starts a stopped server.
func (m *Maria) Start(t testing.TB) {
	t.Helper()
	if err := m.launch(); err != nil {
		t.Fatal(err)
	}
}
