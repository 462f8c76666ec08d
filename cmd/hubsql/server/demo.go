package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/exec/builtin"
)

// The roles of the demonstration. Their passwords are printed and written here,
// so the demonstration only listens on loopback addresses.
const (
	demoAdminPassword = "admin-demo"
	demoListen        = "127.0.0.1:5433" // the default of --listen
	demoSteward       = "steward"
	demoAnalyst       = "analyst"
	demoRegion        = "EMEA" // the rows that the analyst sees
)

// demoPassword is the password of a role of the demonstration.
func demoPassword(role string) string { return role + "-demo" }

// demoQuery joins the three sources. The columns email, ssn and salary are masked
// for the analyst.
const demoQuery = `SELECT c.name, c.email, c.ssn, c.salary, c.region, o.revenue, w.visits
FROM customers c
JOIN (SELECT customer_id, sum(amount) AS revenue
      FROM orders WHERE status = 'paid' GROUP BY customer_id) o ON o.customer_id = c.id
JOIN (SELECT customer_id, count(*) AS visits
      FROM web_visits GROUP BY customer_id) w ON w.customer_id = c.id
ORDER BY o.revenue DESC, c.name
LIMIT 8`

// demoStatements registers the sample files below dir, makes the roles and
// defines who sees what.
func demoStatements(dir string) []string {
	return []string{
		`CREATE SERVER crm FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database ` + quoteText(filepath.Join(dir, demoCRM)) + `)`,
		`IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO public`,
		`CREATE SERVER lake FOREIGN DATA WRAPPER parquet_fdw OPTIONS (root ` + quoteText(dir) + `)`,
		`CREATE FOREIGN TABLE orders (
    order_id bigint, customer_id integer, order_date date, amount numeric(12,2), status text
) SERVER lake OPTIONS (directory 'orders')`,
		`CREATE SERVER web FOREIGN DATA WRAPPER file_fdw OPTIONS (root ` + quoteText(dir) + `)`,
		`CREATE FOREIGN TABLE web_visits (
    visit_id bigint, customer_id integer, visited_at timestamp, page text, ms integer
) SERVER web OPTIONS (filename 'web_visits.csv', format 'csv', header 'true')`,
		`CREATE ROLE ` + demoSteward + ` LOGIN PASSWORD ` + quoteText(demoPassword(demoSteward)),
		`CREATE ROLE ` + demoAnalyst + ` LOGIN PASSWORD ` + quoteText(demoPassword(demoAnalyst)),
		`GRANT SELECT ON customers, orders, web_visits TO steward, analyst`,
		`CREATE MASKING POLICY hide_email ON customers (email) TO analyst USING (hub.partial_mask(email))`,
		`CREATE MASKING POLICY hide_phone ON customers (phone) TO analyst USING (hub.partial_mask(phone))`,
		`CREATE MASKING POLICY hide_ssn ON customers (ssn) TO analyst USING (hub.full_mask(ssn))`,
		`CREATE MASKING POLICY hide_salary ON customers (salary) TO analyst USING (hub.null_mask(salary))`,
		`CREATE POLICY every_region ON customers FOR SELECT TO steward USING (true)`,
		`CREATE POLICY own_region ON customers FOR SELECT TO analyst USING (region = ` + quoteText(demoRegion) + `)`,
		`ALTER TABLE customers ENABLE ROW LEVEL SECURITY`,
	}
}

// quoteText is s as an SQL literal.
func quoteText(s string) string { return builtin.QuoteLiteral(s) }

// Demo is the command demo: a hub on sample files, with roles and policies. With
// once it runs the sample query as both roles and ends; it fails when the masked
// role would see a raw value.
func Demo(ctx context.Context, c *Config, once bool, stdout, stderr io.Writer) (err error) {
	if host, _, splitErr := net.SplitHostPort(c.Listen); splitErr == nil && !loopback(host) {
		return fmt.Errorf("the demonstration has passwords that everybody knows: it only listens on loopback addresses, not on %s", c.Listen)
	}
	if once && c.Listen == demoListen {
		c.Listen = "127.0.0.1:0" // nobody else connects, and the usual port may be taken
	}
	if c.LogLevel == "info" {
		c.LogLevel = "warn"
	}
	if c.DataDir == "" {
		c.DataDir, err = os.MkdirTemp("", "hubsql-demo-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.DataDir)) }()
	}
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return err
	}
	if c.SuperuserPassword == "" {
		c.SuperuserPassword = demoAdminPassword
	}
	h, err := Open(c, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()

	run, stop := context.WithCancel(ctx)
	defer stop()
	listening := make(chan net.Addr, 1)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(run, func(addr net.Addr) { listening <- addr }) }()
	select {
	case err := <-ended:
		return err
	case addr := <-listening:
		d := demo{hub: h, host: addr.String(), dir: filepath.Join(c.DataDir, "demo"), out: stdout}
		err = d.start(run, once)
	}
	if err != nil || once {
		stop()
	}
	return errors.Join(err, <-ended)
}

// demo is a running demonstration.
type demo struct {
	hub  *Hub
	host string // HOST:PORT
	dir  string // of the sample files
	out  io.Writer
}

// start makes what is missing and shows what to do with it.
func (d *demo) start(ctx context.Context, once bool) error {
	if _, ok := d.hub.catalog.Current().Role(demoAnalyst); !ok {
		fmt.Fprintf(d.out, "writing sample data to %s\n", d.dir)
		if err := writeDemoData(ctx, d.dir); err != nil {
			return fmt.Errorf("sample data: %w", err)
		}
		if err := d.setUp(ctx); err != nil {
			return err
		}
	}
	if once {
		return d.compare(ctx)
	}
	host, port, err := net.SplitHostPort(d.host)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nconnect as the steward, who sees everything, or as the analyst, who sees %s only and no personal data:\n\n", demoRegion)
	for _, role := range []string{demoSteward, demoAnalyst} {
		fmt.Fprintf(d.out, "  PGPASSWORD=%s psql -h %s -p %s -U %s %s\n", demoPassword(role), host, port, role, d.hub.config.Database)
	}
	fmt.Fprintf(d.out, "\nand ask SQLite, Parquet and CSV in one query:\n\n%s;\n\n", demoQuery)
	fmt.Fprintf(d.out, "ready to accept connections on %s\n", d.host)
	return nil
}

// setUp registers the sources and defines roles and policies, as an administrator
// would. Either all of it is there afterwards or nothing.
func (d *demo) setUp(ctx context.Context) error {
	conn, err := d.connect(ctx, d.hub.config.Superuser, d.hub.config.SuperuserPassword)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	fmt.Fprintf(d.out, "registering sources, roles and policies:\n\n")
	statements := append([]string{"BEGIN"}, demoStatements(d.dir)...)
	for _, s := range append(statements, "COMMIT") {
		if s != "BEGIN" && s != "COMMIT" {
			fmt.Fprintf(d.out, "  %s;\n", strings.ReplaceAll(s, "\n", "\n  "))
		}
		if _, err := conn.Exec(ctx, s).ReadAll(); err != nil {
			return fmt.Errorf("%w, in: %s", err, s)
		}
	}
	fmt.Fprintln(d.out)
	return nil
}

// connect opens a connection to the hub.
func (d *demo) connect(ctx context.Context, user, password string) (*pgconn.PgConn, error) {
	host, port, err := net.SplitHostPort(d.host)
	if err != nil {
		return nil, err
	}
	mode := "disable"
	if d.hub.config.TLSCert != "" {
		mode = "require"
	}
	c, err := pgconn.ParseConfig("sslmode=" + mode)
	if err != nil {
		return nil, err
	}
	var number uint16
	if _, err := fmt.Sscan(port, &number); err != nil {
		return nil, err
	}
	c.Host, c.Port, c.User, c.Password, c.Database = host, number, user, password, d.hub.config.Database
	c.Fallbacks = nil
	return pgconn.ConnectConfig(ctx, c)
}

// closeConn says goodbye even when ctx has ended.
func closeConn(ctx context.Context, conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	conn.Close(ctx)
}

// answer is a result as text.
type answer struct {
	columns []string
	rows    [][]string
}

// column is the index of a column.
func (a answer) column(name string) int {
	for i, c := range a.columns {
		if c == name {
			return i
		}
	}
	return -1
}

// ask runs the sample query as a role.
func (d *demo) ask(ctx context.Context, role string) (answer, error) {
	conn, err := d.connect(ctx, role, demoPassword(role))
	if err != nil {
		return answer{}, err
	}
	defer closeConn(ctx, conn)
	results, err := conn.Exec(ctx, demoQuery).ReadAll()
	if err != nil {
		return answer{}, fmt.Errorf("as %s: %w", role, err)
	}
	if len(results) != 1 {
		return answer{}, fmt.Errorf("as %s: %d results instead of one", role, len(results))
	}
	var a answer
	for _, f := range results[0].FieldDescriptions {
		a.columns = append(a.columns, f.Name)
	}
	for _, raw := range results[0].Rows {
		row := make([]string, len(raw))
		for i, v := range raw {
			row[i] = string(v)
		}
		a.rows = append(a.rows, row)
	}
	return a, nil
}

// compare runs the query as both roles, shows the answers side by side and
// checks that the policies held.
func (d *demo) compare(ctx context.Context) error {
	clear, err := d.ask(ctx, demoSteward)
	if err != nil {
		return err
	}
	masked, err := d.ask(ctx, demoAnalyst)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s;\n\n", demoQuery)
	sideBySide(d.out, "as "+demoSteward, table(clear), "as "+demoAnalyst, table(masked))
	if err := policiesHold(clear, masked); err != nil {
		return fmt.Errorf("the policies of the demonstration do not hold: %w", err)
	}
	fmt.Fprintf(d.out, "\nThe analyst sees rows of %s only, and no e-mail address, social security number or salary.\n", demoRegion)
	return nil
}

// policiesHold reports what an answer shows that it must not, or hides that it
// should show.
func policiesHold(clear, masked answer) error {
	if len(clear.rows) == 0 || len(masked.rows) == 0 {
		return errors.New("an answer is empty")
	}
	email, ssn, salary, region := clear.column("email"), clear.column("ssn"), clear.column("salary"), clear.column("region")
	if min(email, ssn, salary, region) < 0 || len(masked.columns) != len(clear.columns) {
		return errors.New("a column is missing")
	}
	customers := map[string]customer{} // by e-mail address
	for _, c := range demoCustomers() {
		customers[c.email] = c
	}
	for _, row := range clear.rows {
		if c, ok := customers[row[email]]; !ok || c.ssn != row[ssn] || row[salary] == "" {
			return errors.New("the steward does not see the values of the source")
		}
	}
	for i, row := range masked.rows {
		if row[region] != demoRegion {
			return fmt.Errorf("row %d is of region %s", i+1, row[region])
		}
		if row[salary] != "" {
			return fmt.Errorf("row %d shows a salary", i+1)
		}
		for j, v := range row {
			for _, c := range customers {
				if strings.Contains(v, c.email) || strings.Contains(v, c.phone) || strings.Contains(v, c.ssn) {
					return fmt.Errorf("row %d shows a raw value in column %s", i+1, masked.columns[j])
				}
			}
		}
	}
	return nil
}

// table lays an answer out in lines of equal width.
func table(a answer) []string {
	widths := make([]int, len(a.columns))
	for i, c := range a.columns {
		widths[i] = utf8.RuneCountInString(c)
		for _, r := range a.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, c := range cells {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(pad(c, widths[i]))
		}
		return b.String()
	}
	rules := make([]string, len(widths))
	for i, w := range widths {
		rules[i] = strings.Repeat("-", w)
	}
	lines := []string{line(a.columns), strings.ReplaceAll(line(rules), " | ", "-+-")}
	for _, r := range a.rows {
		lines = append(lines, line(r))
	}
	return lines
}

// sideBySide writes two blocks of lines beside each other.
func sideBySide(w io.Writer, leftTitle string, left []string, rightTitle string, right []string) {
	width := utf8.RuneCountInString(leftTitle)
	for _, l := range left {
		width = max(width, utf8.RuneCountInString(l))
	}
	left = append([]string{leftTitle}, left...)
	right = append([]string{rightTitle}, right...)
	for i := range max(len(left), len(right)) {
		l, r := "", ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		fmt.Fprintln(w, strings.TrimRight(pad(l, width)+"    "+r, " "))
	}
}

// pad fills s with blanks up to a number of characters.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
