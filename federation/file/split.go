package file

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/localfile"
)

// splitBytes is the smallest part that is worth a worker of its own.
const splitBytes = 4 << 20

// Split implements connector.Splitter. Several files become parts of their own;
// one large file that needs no decoding is cut at records. A quote
// opens and closes wherever it stands, so the parity of the quotes before a cut
// tells whether the cut is within a value.
func (s *source) Split(ctx context.Context, h connector.TableHandle, n int) ([]connector.TableHandle, error) {
	x := h.(*handle)
	if n < 2 || x.limit > 0 || x.parts != nil {
		return []connector.TableHandle{h}, nil
	}
	files, err := x.table.files()
	if err != nil {
		return nil, err
	}
	var spans []span
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	for _, f := range files {
		list := []span{{file: f, to: -1}}
		want := int(min(int64(n), f.Size/splitBytes, f.Size*int64(n)/max(total, 1)))
		if want > 1 && x.table.splittable(f) {
			if cut, ok, err := x.table.cut(ctx, f, want); err != nil {
				return nil, err
			} else if ok {
				list = cut
			}
		}
		spans = append(spans, list...)
	}
	if total < 2*splitBytes || len(spans) < 2 {
		return []connector.TableHandle{h}, nil
	}
	// Neighbouring spans share a part when there are more than n.
	var out []connector.TableHandle
	for i := range min(n, len(spans)) {
		k := min(n, len(spans))
		part := *x
		part.parts = spans[i*len(spans)/k : (i+1)*len(spans)/k]
		out = append(out, &part)
	}
	return out, nil
}

// splittable reports whether byte offsets of a file are offsets of its text.
func (t *table) splittable(f localfile.File) bool {
	if t.layout.charset != nil || compressed(f.Name) != "" {
		return false
	}
	switch t.layout.format {
	case formatCSV:
		return t.layout.quote == t.layout.escape
	case formatText, formatJSON:
		return true
	}
	return false
}

// cut finds n ranges of records; ok is false when the file holds an end-of-data
// mark, behind which nothing is read.
func (t *table) cut(ctx context.Context, f localfile.File, n int) (out []span, ok bool, err error) {
	file, err := f.Open()
	if err != nil {
		return nil, false, t.access.OpenError(f, err)
	}
	defer func() { _ = file.Close() }()
	if t.layout.format == formatJSON {
		out, err := cutObjects(file, f, n)
		if err != nil {
			return nil, false, t.access.OpenError(f, err)
		}
		return out, len(out) > 1, nil
	}
	var (
		buf     = make([]byte, 1<<20)
		pos     int64 // of buf[0] in the file
		inside  bool  // within quotes at pos
		lines   int64 // line ends before pos
		from    int64
		before  int64 // lines before from
		target  = f.Size / int64(n)
		isCSV   = t.layout.format == formatCSV
		last    byte
		escaped bool // text: the byte before pos is a backslash that escapes
	)
	for pos < f.Size {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		got, err := file.ReadAt(buf[:min(int64(len(buf)), f.Size-pos)], pos)
		if err != nil && err != io.EOF || got == 0 {
			return nil, false, t.access.OpenError(f, err)
		}
		b := buf[:got]
		if bytes.Contains(b, []byte(`\.`)) || last == '\\' && b[0] == '.' {
			return nil, false, nil
		}
		last = b[got-1]
		if len(out)+1 < n && pos+int64(got) > from+target {
			// The cut is in this block: find the first record end behind it.
			start := int(max(from+target-pos, 0))
			if isCSV && bytes.Count(b[:start], []byte{t.layout.quote})%2 == 1 {
				inside = !inside
			}
			if !isCSV {
				for k := start - 1; k >= 0 && b[k] == '\\'; k-- {
					escaped = !escaped
				}
			}
			lines += int64(bytes.Count(b[:start], []byte{'\n'}))
			i := start
			for ; i < got; i++ {
				switch {
				case isCSV && b[i] == t.layout.quote:
					inside = !inside
				case !isCSV && b[i] == '\\':
					escaped = !escaped
					continue
				case b[i] == '\n':
					lines++
					if !inside && !escaped {
						goto found
					}
				}
				escaped = false
			}
			pos += int64(got)
			continue
		found:
			at := pos + int64(i) + 1
			if at >= f.Size {
				break
			}
			out = append(out, span{file: f, from: from, to: at, line: before})
			from, before = at, lines
			pos = at
			last = '\n'
			escaped = false
			continue
		}
		if isCSV && bytes.Count(b, []byte{t.layout.quote})%2 == 1 {
			inside = !inside
		}
		lines += int64(bytes.Count(b, []byte{'\n'}))
		if !isCSV {
			run := false
			for k := got - 1; k >= 0 && b[k] == '\\'; k-- {
				run = !run
			}
			escaped = run
		}
		pos += int64(got)
	}
	return append(out, span{file: f, from: from, to: f.Size, line: before}), true, nil
}

// cutObjects finds n ranges of the objects of a JSON file. Between } and { with a
// line end and white space there is always the end of an object that is not
// within another or an array: there a comma would stand, and strings hold no
// line ends.
func cutObjects(file *os.File, f localfile.File, n int) ([]span, error) {
	buf := make([]byte, 1<<18)
	var out []span
	from := int64(0)
	for i := 1; i < n; i++ {
		pos := max(f.Size*int64(i)/int64(n), from)
		got, err := file.ReadAt(buf, pos)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if at := objectStart(buf[:got]); at > 0 {
			out = append(out, span{file: f, from: from, to: pos + int64(at)})
			from = pos + int64(at)
		}
	}
	return append(out, span{file: f, from: from, to: f.Size}), nil
}

// objectStart returns the index of the first { that begins a line behind a },
// 0 when there is none.
func objectStart(b []byte) int {
	for i := 0; ; {
		k := bytes.IndexByte(b[i:], '\n')
		if k < 0 {
			return 0
		}
		i += k + 1
		before := bytes.TrimRight(b[:i], " \t\r\n")
		next := skipSpace(b, i)
		if next < len(b) && b[next] == '{' && len(before) > 0 && before[len(before)-1] == '}' {
			return next
		}
	}
}
