package decode

// slow stores a value through the input function of its type.
func (c *Column) slow(i int, b []byte) error {
	_ = i
	_ = b
	return c.invalid()
}
