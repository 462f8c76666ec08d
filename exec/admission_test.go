package exec

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/exec/memory"
)

// beginner returns a session of a server with a limit, of which held bytes are
// in use.
func beginner(limit, held int64) (*Session, *memory.Account) {
	server := memory.NewRoot("server", limit)
	other := server.Child("query", 0)
	other.Overdraw(held)
	e := &Engine{Config: Config{Memory: server}, admission: newAdmission()}
	return &Session{engine: e, sess: &session.Session{Vars: session.NewVars(nil)}}, other
}

func TestAQueryBeginsWhenThereIsMemory(t *testing.T) {
	s, other := beginner(64<<20, 64<<20)
	began := make(chan error, 1)
	go func() { began <- s.room(context.Background()) }()
	for {
		s.entry.mu.Lock()
		event := s.entry.status.WaitEvent
		s.entry.mu.Unlock()
		if event == admissionEvent {
			break
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-began:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	other.Close()
	if err := <-began; err != nil {
		t.Fatal(err)
	}
	if s.entry.status.WaitEvent != "" || s.engine.Memory.Used() != 0 {
		t.Errorf("waits for %q, %d bytes are in use", s.entry.status.WaitEvent, s.engine.Memory.Used())
	}
}

func TestAQueryThatWaitsToBeginIsCanceled(t *testing.T) {
	s, other := beginner(64<<20, 64<<20)
	defer other.Close()
	reason := errors.New("canceled")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	if err := s.room(ctx); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestRecentUseIsForgotten(t *testing.T) {
	var r recent
	at := time.Now()
	r.add(100*time.Millisecond, at)
	if got := r.now(at.Add(recentHalf)); got != 50*time.Millisecond {
		t.Errorf("%v after %v", got, recentHalf)
	}
	if got := r.now(at.Add(time.Minute)); got != 0 {
		t.Errorf("%v after a minute", got)
	}
}
