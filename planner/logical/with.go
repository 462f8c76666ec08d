package logical

// With executes Input and, before its last row, all of Others to their end: the
// data-modifying queries of WITH, whether Input reads them or not. Its outputs
// are those of Input.
type With struct {
	Input  Node
	Others []Node
}

// Outputs implements Node.
func (n *With) Outputs() []Column { return n.Input.Outputs() }

// Inputs implements Node.
func (n *With) Inputs() []Node { return append([]Node{n.Input}, n.Others...) }

// WithInputs implements Node.
func (n *With) WithInputs(in []Node) Node { return &With{Input: in[0], Others: in[1:]} }
