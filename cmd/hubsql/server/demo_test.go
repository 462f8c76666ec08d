package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func demoConfig(dir string) *Config {
	return &Config{
		DataDir: dir, Listen: "127.0.0.1:0", Auth: "scram-sha-256", MemoryLimit: 256 << 20, MaxConnections: 10,
		Database: "hubsql", LogLevel: "warn", Superuser: "hubsql",
	}
}

func TestDemoShowsBothAnswersAndStartsAgainOnItsData(t *testing.T) {
	dir := t.TempDir()
	var answers []string
	for range 2 {
		var out strings.Builder
		if err := Demo(context.Background(), demoConfig(dir), true, &out, os.Stderr); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		_, after, found := strings.Cut(out.String(), "as steward")
		if !found || !strings.Contains(after, "as analyst") {
			t.Fatalf("no answers in:\n%s", out.String())
		}
		answers = append(answers, after)
	}
	if answers[0] != answers[1] {
		t.Errorf("the second start answers\n%s\nthe first\n%s", answers[1], answers[0])
	}
}

func TestDemoListensOnLoopbackOnly(t *testing.T) {
	c := demoConfig(t.TempDir())
	c.Listen = "0.0.0.0:0"
	if err := Demo(context.Background(), c, true, os.Stderr, os.Stderr); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v", err)
	}
}

func TestDemoRefusesAnAnswerWithRawValues(t *testing.T) {
	raw := demoCustomers()[0]
	columns := []string{"name", "email", "ssn", "salary", "region"}
	clear := answer{columns, [][]string{{raw.name, raw.email, raw.ssn, raw.salary, raw.region}}}
	for _, row := range [][]string{
		{"", raw.email, "***", "", demoRegion},
		{"", "x" + raw.phone, "***", "", demoRegion},
		{raw.ssn, "***", "***", "", demoRegion},
		{"", "***", "***", raw.salary, demoRegion},
		{"", "***", "***", "", "elsewhere"},
	} {
		if policiesHold(clear, answer{columns, [][]string{row}}) == nil {
			t.Errorf("accepted %q", row)
		}
	}
	if err := policiesHold(clear, answer{columns, [][]string{{"", "***", "***", "", demoRegion}}}); err != nil {
		t.Error(err)
	}
}

func TestDemoDataIsTheSameEveryTime(t *testing.T) {
	var texts [2]string
	for i := range texts {
		dir := filepath.Join(t.TempDir(), "demo")
		if err := writeDemoData(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"orders/orders-2021.parquet", "orders/orders-2022.parquet", "orders/orders-2023.parquet", "web_visits.csv"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			texts[i] += string(text)
		}
	}
	if texts[0] != texts[1] {
		t.Error("two runs wrote different files")
	}
}
