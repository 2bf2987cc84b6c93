package lifecycle

// Option is a part of an event that New is told.
type Option func(*Event)

// Identity says who speaks: usually the name of a host.
func Identity(identity string) Option { return func(e *Event) { e.identity = identity } }

// Component says what speaks. It is a part of the topic, see Topic.
func Component(component string) Option { return func(e *Event) { e.component = component } }

// Version is that of the component. A type without one leaves it out.
func Version(version string) Option {
	return func(e *Event) {
		if traits[e.kind].versioned {
			e.version = version
		}
	}
}

// NewVersion is what Upgraded changes to. Other types leave it out.
func NewVersion(version string) Option {
	return func(e *Event) {
		if traits[e.kind].newVersion {
			e.newVersion = version
		}
	}
}
