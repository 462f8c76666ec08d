package postgres

// Networked implements connector.Networked.
func (*source) Networked() {}
