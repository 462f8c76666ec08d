package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// AuthMethod is how clients prove who they are.
type AuthMethod uint8

// Authentication methods.
const (
	// AuthSCRAM is SCRAM-SHA-256, with channel binding over TLS.
	AuthSCRAM AuthMethod = iota
	// AuthTrust believes the client.
	AuthTrust
)

// Config is what a Server is made of.
type Config struct {
	Backend Backend
	Log     *slog.Logger
	Auth    AuthMethod
	// Certificates switches TLS on; nil answers SSLRequest with 'N'.
	Certificates Certificates
	// MaxConnections bounds the authenticated sessions and those on the way
	// there; 100 when 0.
	MaxConnections int
	// AuthTimeout bounds everything up to the first ReadyForQuery; one minute
	// when 0.
	AuthTimeout time.Duration
	// MaxMessage bounds one message of a client, in bytes; 256 MB when 0.
	MaxMessage int
	// MockKey makes the SCRAM salts of unknown roles the same over restarts.
	// It is secret; when empty, a random key is made.
	MockKey []byte
}

// Server speaks the protocol on any number of listeners.
type Server struct {
	cfg Config

	mu        sync.Mutex
	sockets   map[*conn]struct{}
	sessions  map[int32]*conn // connections past the startup packet, by pid
	listeners map[net.Listener]struct{}
	lastPID   int32
	draining  bool
	drain     chan struct{}  // closed when draining begins
	wg        sync.WaitGroup // one per connection
}

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("wire: server closed")

// killGrace is how long cancelled statements have at the end of a shutdown to
// tell their clients before the sockets are closed.
const killGrace = 2 * time.Second

// NewServer returns a server that does not listen yet.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Backend == nil || cfg.Log == nil {
		return nil, errors.New("wire: Backend and Log are required")
	}
	if cfg.MaxConnections <= 0 {
		cfg.MaxConnections = 100
	}
	if cfg.AuthTimeout <= 0 {
		cfg.AuthTimeout = time.Minute
	}
	if cfg.MaxMessage <= 0 {
		cfg.MaxMessage = 256 << 20
	}
	if len(cfg.MockKey) == 0 {
		cfg.MockKey = make([]byte, 32)
		if _, err := rand.Read(cfg.MockKey); err != nil {
			return nil, err
		}
	}
	return &Server{
		cfg:       cfg,
		sockets:   map[*conn]struct{}{},
		sessions:  map[int32]*conn{},
		listeners: map[net.Listener]struct{}{},
		drain:     make(chan struct{}),
	}, nil
}

// Serve accepts connections until Shutdown and returns ErrServerClosed then. It
// closes ln.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		_ = ln.Close()
		return ErrServerClosed
	}
	s.listeners[ln] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, ln)
		s.mu.Unlock()
		_ = ln.Close()
	}()
	var delay time.Duration
	for {
		socket, err := ln.Accept()
		if err != nil {
			s.mu.Lock()
			draining := s.draining
			s.mu.Unlock()
			if draining {
				return ErrServerClosed
			}
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				// Too many open files: connections that end make room.
				delay = min(max(2*delay, 5*time.Millisecond), time.Second)
				s.cfg.Log.Warn("accept failed", slog.Any("error", err))
				select {
				case <-time.After(delay):
					continue
				case <-s.drain:
					return ErrServerClosed
				}
			}
			return err
		}
		delay = 0
		s.ServeConn(socket)
	}
}

// ServeConn speaks the protocol on one socket in a goroutine of its own, which
// ends with the connection or with Shutdown.
func (s *Server) ServeConn(socket net.Conn) {
	c := newConn(s, socket)
	s.mu.Lock()
	if s.draining || len(s.sockets) >= 2*s.cfg.MaxConnections+64 {
		// Sockets that have not said who they are must not pile up.
		s.mu.Unlock()
		_ = socket.Close()
		return
	}
	s.sockets[c] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		defer func() {
			s.mu.Lock()
			delete(s.sockets, c)
			if s.sessions[c.pid] == c {
				delete(s.sessions, c.pid)
			}
			s.mu.Unlock()
		}()
		c.run()
	}()
}

// register gives a connection its pid.
func (s *Server) register(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return pgerror.Fatalf(pgerror.CannotConnectNow, "the database system is shutting down")
	}
	if len(s.sessions) >= s.cfg.MaxConnections {
		return pgerror.Fatalf(pgerror.TooManyConnections, "sorry, too many clients already")
	}
	for {
		s.lastPID++
		if s.lastPID <= 0 {
			s.lastPID = 1
		}
		if _, taken := s.sessions[s.lastPID]; !taken {
			break
		}
	}
	c.pid = s.lastPID
	s.sessions[c.pid] = c
	return nil
}

// session returns the connection with a pid, or nil.
func (s *Server) session(pid int32) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[pid]
}

// Sessions returns the number of connections past their startup packet.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// CancelBackend cancels the statement a session is executing, if any, and
// reports whether there is such a session (pg_cancel_backend).
func (s *Server) CancelBackend(pid int32) bool {
	c := s.session(pid)
	if c == nil {
		return false
	}
	c.cancelStatement(pgerror.QueryCanceled())
	return true
}

// TerminateBackend ends a session with 57P01 and reports whether there is one
// (pg_terminate_backend).
func (s *Server) TerminateBackend(pid int32) bool {
	c := s.session(pid)
	if c == nil {
		return false
	}
	c.terminate(errShutdown(), true)
	return true
}

// Shutdown stops accepting, ends idle sessions with 57P01 at once and the
// others when their statement has finished. When ctx ends first, the statements
// still running are cancelled and their connections closed, and its error is
// returned. A statement that ignores its cancellation is abandoned, and logged,
// a few seconds later.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		close(s.drain)
	}
	for ln := range s.listeners {
		_ = ln.Close()
	}
	open := make([]*conn, 0, len(s.sockets))
	for c := range s.sockets {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.terminate(errShutdown(), false)
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range open {
		c.terminate(errShutdown(), true)
	}
	select {
	case <-done:
		return ctx.Err()
	case <-time.After(killGrace):
	}
	for _, c := range open {
		c.closeSocket()
	}
	select {
	case <-done:
	case <-time.After(killGrace):
		s.cfg.Log.Error("sessions did not end", slog.Int("sessions", s.Sessions()))
	}
	return ctx.Err()
}
