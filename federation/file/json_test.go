package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hubsql/hubsql/federation/connector"
)

// objectsOf reads all objects of text, each as its members in order.
func objectsOf(r io.Reader) (list []string, err error) {
	o := newObjects(window{r: r})
	for {
		ok, err := o.next()
		if err != nil || !ok {
			return list, err
		}
		var b strings.Builder
		for i := range o.members {
			fmt.Fprintf(&b, "%s=%s;", o.members[i].text(), o.members[i].value)
		}
		list = append(list, b.String())
	}
}

func TestObjectsAreCutAsJSONSays(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		err  error
	}{
		{`{"a": 1, "b": [1, {"c": "}"}], "d": null}{"a":-0.5e+7}`, `a=1;b=[1, {"c": "}"}];d=null; a=-0.5e+7;`, nil},
		{"[ {\"a\":true} ,\n {} , {\"\\u0061\": \"x\\\"y\"} ] anything", `a=true;  a="x\"y";`, nil},
		{"[]", "", nil},
		{"", "", nil},
		{" \n", "", nil},
		{`{"a": 01}`, "", errJSON},
		{`{"a": 1,}`, "", errJSON},
		{`{"a": "` + "\n" + `"}`, "", errJSON},
		{`{"a": "\x"}`, "", errJSON},
		{`{"a": tru}`, "", errJSON},
		{`{"a": [1 2]}`, "", errJSON},
		{`{"a": 1] `, "", errJSON},
		{`[{"a": 1}{"a": 2}]`, "a=1;", errJSON},
		{`[{"a": 1},]`, "a=1;", errJSON},
		{`{"a": 1`, "", io.ErrUnexpectedEOF},
		{`{"a": "x`, "", io.ErrUnexpectedEOF},
		{`[{"a": 1}`, "a=1;", io.ErrUnexpectedEOF},
		{`{"a": 1} 5`, "a=1;", errNotObject},
		{`"text"`, "", errNotObject},
	} {
		// Bytes that come one by one change nothing.
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			got, err := objectsOf(r)
			if strings.Join(got, " ") != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s: %q, %v", c.text, got, err)
			}
		}
	}
}

func FuzzObjects(f *testing.F) {
	for _, s := range []string{`{"a": 1, "b": [1, {"c": "}"}]}`, `[{"a":"\u00e9"},{}]`, `{"a":1e5}{"b":[[]]}`, `{"a":-0.1,"a":false}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := objectsOf(bytes.NewReader(b))
		dec := json.NewDecoder(bytes.NewReader(b))
		if text := bytes.TrimLeft(b, " \t\r\n"); len(text) > 0 && text[0] == '[' {
			return
		}
		for i := 0; ; i++ {
			var raw json.RawMessage
			want := dec.Decode(&raw)
			if want == nil && (len(raw) == 0 || raw[0] != '{') {
				want = errNotObject
			}
			if want == io.EOF && err == nil && i == len(got) {
				return
			}
			if want != nil {
				if i != len(got) || err == nil {
					t.Errorf("%d objects and %v, want %d and %v", len(got), err, i, want)
				}
				return
			}
			if i == len(got) {
				t.Fatalf("%v, want %s", err, raw)
			}
		}
	})
}

func TestObjectsOfALargeFileAreReadInParts(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	const n = 120_000
	for i := range n {
		if i%7 == 0 {
			fmt.Fprintf(&b, "{\n  \"id\": %d,\n  \"tags\": [{\"x\": \"}\"},\n{\"y\": 2}],\n  \"s\": \"é %d\"}\n\n", i, i)
			continue
		}
		fmt.Fprintf(&b, "{\"id\": %d, \"s\": \"%s\", \"id\": %d}\n", -1, strings.Repeat("text ", i%40), i)
	}
	if err := os.WriteFile(dir+"/big.json", []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New().Open(t.Context(), connector.Config{Server: "files", Options: map[string]string{"root": dir}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Table(t.Context(), connector.TableRef{Name: "big", Options: map[string]string{"filename": "big.json", "format": "json"}})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.(connector.Splitter).Split(t.Context(), h, 2)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	next := int64(0)
	for _, p := range parts {
		for _, row := range mustRead(t, s, p) {
			if !strings.HasPrefix(row, fmt.Sprintf("%d|", next)) {
				t.Fatalf("row %d: %s", next, row)
			}
			next++
		}
	}
	if next != n {
		t.Errorf("%d rows", next)
	}
}

// mustRead returns the rows of a handle.
func mustRead(t *testing.T, s connector.Source, h connector.TableHandle) []string {
	t.Helper()
	rows, err := read(t, s, h)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
