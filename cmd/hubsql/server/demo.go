package server

import (
	"context"
	"io"
)

// Demo is the command demo.
func Demo(ctx context.Context, c *Config, once bool, stdout, stderr io.Writer) error {
	return nil
}
