package mysql

// Networked implements connector.Networked.
func (*source) Networked() {}
