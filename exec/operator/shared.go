package operator

type sharedRows struct{}
